/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/image/qcow2_amend.h"

const struct image_option qcow2_amend_options[] = {
	{"backing_file", OPTION_STRING, "name of the backing image", true},
	{"backing_fmt", OPTION_STRING, "format of the backing image", true},
	{"compat", OPTION_STRING, "v3 (1.1), or v2 (0.10)", true},
	{"data_file", OPTION_STRING, "another name of the data file that there is", true},
	{"data_file_raw", OPTION_BOOL, "off: the data file is no raw image of the disk any more", true},
	{"encrypt.iter-time", OPTION_NUMBER, "milliseconds that a new passphrase takes to try", true},
	{"encrypt.keyslot", OPTION_NUMBER, "which key slot", true},
	{"encrypt.new-secret", OPTION_STRING, "passphrase that is added", true},
	{"encrypt.old-secret", OPTION_STRING, "passphrase that is taken away", true},
	{"encrypt.state", OPTION_STRING, "active: a passphrase is added; inactive: taken away", true},
	{"lazy_refcounts", OPTION_BOOL, "refcounts may be behind, and are counted anew after a crash", true},
	{"refcount_bits", OPTION_NUMBER, "width of a refcount, 1 to 64", true},
	{"size", OPTION_SIZE, "virtual disk size", true},
	{NULL, 0, NULL, false},
};

struct amend {
	struct qcow2 *q;
	const struct image_create *c;
	unsigned version, order; /* as they are to be */
};

static const char *
parse_version(struct amend *a, struct why *w)
{
	const struct image_setting *s = image_setting(a->c, "compat");

	a->version = a->q->version;
	if (!s)
		return NULL;
	if (!strcmp(s->text, "0.10") || !strcmp(s->text, "v2"))
		a->version = 2;
	else if (!strcmp(s->text, "1.1") || !strcmp(s->text, "v3"))
		a->version = 3;
	else
		return why(w, "Unknown compatibility level %s", s->text);
	return NULL;
}

static const char *
parse_order(struct amend *a, struct why *w)
{
	uint64_t bits = image_number(a->c, "refcount_bits", 1U << a->q->refcount_order);

	if (!bits || bits > 64 || bits & (bits - 1))
		return why(w, "Refcount width must be a power of two and may not exceed 64 bits");
	a->order = (unsigned)__builtin_ctzll(bits);
	if (a->order != 4 && a->version < 3)
		return image_setting(a->c, "refcount_bits") || a->q->version < 3
			       ? why(w, "Refcount widths other than 16 bits require compatibility level 1.1 or above (use compat=1.1 or greater)")
			       : why(w, "compat=0.10 requires refcount_bits=16");
	return NULL;
}

/* Everything that can be known to be impossible. */
static const char *
may(struct amend *a, struct why *w)
{
	struct qcow2 *q = a->q;

	if (parse_version(a, w) || parse_order(a, w))
		return w->text;
	if (image_number(a->c, "lazy_refcounts", 0) && a->version < 3)
		return why(w, "Lazy refcounts only supported with compatibility level 1.1 and above (use compat=1.1 or greater)");
	if (image_setting(a->c, "data_file") && !q->data)
		return why(w, "data-file can only be set for images that use an external data file");
	if (image_number(a->c, "data_file_raw", 0) && !(q->autoclear & QCOW2_DATA_FILE_RAW))
		return why(w, "data-file-raw cannot be set on existing images");
	if (image_setting(a->c, "backing_fmt") && !image_setting(a->c, "backing_file") && !q->image.backing_name)
		return why(w, "the format of a backing image is said, but there is none");
	return a->version < q->version ? qcow2_may_downgrade(q, w) : NULL;
}

/* The version's own fields follow the others; extensions and the backing image's name move. */
static int
upgrade(struct qcow2 *q)
{
	int err = qcow2_flush(q);

	if (err)
		return err;
	q->version = 3;
	q->incompatible = q->compatible = q->autoclear = 0;
	err = qcow2_write_header(q);
	return err ? err : qcow2_sync(q);
}

static const char *
change_width(struct qcow2 *q, unsigned order, struct why *w)
{
	struct refs r = {0};
	int err = qcow2_flush(q), reloaded;

	if (!err)
		err = refs_load(&r, q, NULL, NULL);
	if (!err)
		err = refs_drop_structure(&r);
	if (!err)
		err = refs_rebuild(&r, order);
	refs_free(&r);
	if (err == -ERANGE)
		return why(w, "Cannot decrease refcount entry width to %u bits: a cluster has more references", 1U << order);
	reloaded = qcow2_reload(q);
	return image_failed(&q->image, err ? err : reloaded, w);
}

static const char *
change_backing(struct amend *a, struct why *w)
{
	const struct image_setting *name = image_setting(a->c, "backing_file"), *format = image_setting(a->c, "backing_fmt");
	struct image *i = &a->q->image;
	char *old_name = i->backing_name ? strdup(i->backing_name) : NULL, *old_format = i->backing_format ? strdup(i->backing_format) : NULL;
	const char *to = name ? name->text : old_name, *as = format ? format->text : old_format, *reason;

	reason = to && !*to ? i->format->set_backing(i, NULL, NULL, w) : i->format->set_backing(i, to, as, w);
	free(old_name);
	free(old_format);
	return reason;
}

/* Flags of the header, and the data file's name. */
static int
change_header(struct amend *a)
{
	const struct image_setting *data = image_setting(a->c, "data_file"), *lazy = image_setting(a->c, "lazy_refcounts");
	struct qcow2 *q = a->q;
	int err = qcow2_clear_unknown(q);

	if (!image_number(a->c, "data_file_raw", 1))
		q->autoclear &= ~QCOW2_DATA_FILE_RAW;
	if (lazy && q->version >= 3)
		q->compatible = lazy->number ? q->compatible | QCOW2_LAZY_REFCOUNTS : q->compatible & ~QCOW2_LAZY_REFCOUNTS;
	if (data)
		err = qcow2_ext_set(q, QCOW2_EXT_DATA_FILE, data->text, (uint32_t)strlen(data->text));
	if (!err && (data || lazy || image_setting(a->c, "data_file_raw")))
		err = qcow2_flush(q);
	if (!err && data)
		err = qcow2_write_header(q);
	else if (!err && q->version >= 3)
		err = qcow2_write_features(q);
	return err ? err : qcow2_sync(q);
}

static const char *
change(struct amend *a, struct why *w)
{
	struct qcow2 *q = a->q;
	const struct image_setting *size = image_setting(a->c, "size");
	const char *reason = a->version > q->version ? image_failed(&q->image, upgrade(q), w) : NULL;

	if (!reason && a->order != q->refcount_order)
		reason = change_width(q, a->order, w);
	if (!reason)
		reason = image_failed(&q->image, change_header(a), w);
	if (!reason && (image_setting(a->c, "backing_file") || image_setting(a->c, "backing_fmt")))
		reason = change_backing(a, w);
	if (!reason && size)
		reason = q->image.format->resize(&q->image, size->number, NULL, w);
	return reason || a->version >= q->version ? reason : qcow2_downgrade(q, w);
}

const char *
qcow2_amend(struct image *i, const struct image_create *c, const struct crypt_amend *keys, struct why *w)
{
	struct amend a = {.q = qcow2_of(i), .c = c};
	const char *reason = may(&a, w);

	if (!reason && keys)
		reason = a.q->crypt ? crypt_amend(a.q->crypt, keys, w) : why(w, "the image is not encrypted by LUKS");
	return reason ? reason : change(&a, w);
}
