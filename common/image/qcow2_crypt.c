/* SPDX-License-Identifier: ISC */
/* Encrypted qcow2 images: which encryption, by what key, of what bytes. */
#include <errno.h>

#include "common/image/crypt.h"
#include "common/image/qcow2_state.h"

#define METHOD_AES 1
#define METHOD_LUKS 2

bool
qcow2_crypt_header(struct qcow2 *q, uint64_t *off, uint64_t *len)
{
	struct qcow2_ext *e = q->crypt_method == METHOD_LUKS ? qcow2_ext_find(q, QCOW2_EXT_CRYPTO) : NULL;

	/* qcow2.txt, "Full disk encryption header pointer" */
	if (!e || e->len != 16)
		return false;
	*off = get_be64(e->data);
	*len = get_be64(e->data + 8);
	return true;
}

const char *
qcow2_open_crypt(struct qcow2 *q, const struct image_open *how, struct why *w)
{
	uint64_t off, len;

	q->image.encrypted = q->crypt_method;
	switch (q->crypt_method) {
	case 0:
		return NULL;
	case METHOD_AES:
		q->crypt = crypt_open_aes(how, w);
		break;
	case METHOD_LUKS:
		if (!qcow2_crypt_header(q, &off, &len))
			return why(w, "the image does not say where its LUKS header is");
		if (off & (qcow2_cluster(q) - 1))
			return why(w, "the LUKS header is not at a cluster");
		q->crypt = crypt_open_luks(how, off, len, w);
		break;
	default:
		return why(w, "encrypted by a method that is not known here: %u", q->crypt_method);
	}
	return q->crypt ? NULL : w->text;
}

int
qcow2_decrypt(const struct extent *e, void *buf, size_t len)
{
	return crypt_decrypt(qcow2_of(e->image)->crypt, e->off, e->at, buf, len);
}

int
qcow2_write_data(struct qcow2 *q, const void *buf, size_t len, uint64_t host, uint64_t guest)
{
	struct file *f = qcow2_data_file(&q->image);

	return q->crypt ? crypt_write(q->crypt, f, buf, len, host, guest) : file_write(f, buf, len, host);
}

int
qcow2_encrypt(struct image *i, void *buf, size_t len, uint64_t host, uint64_t guest)
{
	struct qcow2 *q = qcow2_of(i);

	return q->crypt ? crypt_encrypt(q->crypt, host, guest, buf, len) : 0;
}
