/* SPDX-License-Identifier: ISC */
/* The encryption of an open image. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/crypt_parts.h"

#define AES_KEY 16		/* bytes of a passphrase that the AES of old heeds */
#define WRITE_ROOM (256 << 10)	/* encrypted at once */

static struct crypt *
fail(struct crypt *c)
{
	crypt_close(c);
	return NULL;
}

/* Is there a passphrase? False without a reason where none is needed. */
static bool
has_secret(const struct image_open *how, struct why *w)
{
	w->text[0] = 0;
	if (!how->secret && !(how->flags & (IMAGE_INFO | IMAGE_CHECK)))
		why(w, "encrypted: a passphrase is needed");
	return how->secret;
}

struct crypt *
crypt_open_aes(const struct image_open *how, struct why *w)
{
	struct crypt *c = calloc(1, sizeof(*c));
	uint8_t key[AES_KEY] = {0};

	if (!c) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	if (!has_secret(how, w))
		return w->text[0] ? fail(c) : c;
	memcpy(key, how->secret, min_u64(how->secret_len, sizeof(key)));
	c->has_key = crypt_key(&c->keyed, crypt_cipher_named("aes-128"), MODE_CBC, IV_PLAIN64, NULL, key);
	explicit_bzero(key, sizeof(key));
	if (c->has_key)
		return c;
	why(w, "%s", strerror(ENOMEM));
	return fail(c);
}

static const char *
unlock(struct crypt *c, const uint8_t *secret, size_t n, struct why *w)
{
	const struct luks *l = &c->luks;
	int err = luks_unlock(l, c->file, c->off, -1, secret, n, c->key);

	if (err == -E2BIG)
		return why(w, "LUKS: %llu iterations for one passphrase, more than %d", (unsigned long long)luks_work(l),
		    LUKS_ITERATIONS_MAX);
	if (err == -EACCES)
		return why(w, "the passphrase opens no key slot");
	if (err < 0)
		return why(w, "LUKS: %s", strerror(-err));
	c->has_key = crypt_key(&c->keyed, l->cipher, l->mode, l->iv, l->iv_hash, c->key);
	return c->has_key ? NULL : why(w, "%s", strerror(ENOMEM));
}

struct crypt *
crypt_open_luks(const struct image_open *how, uint64_t off, uint64_t len, struct why *w)
{
	struct crypt *c = calloc(1, sizeof(*c));
	uint8_t head[LUKS_HEAD];
	int err;

	if (!c) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	c->is_luks = true;
	c->file = how->file;
	c->off = off;
	if (!range_within(off, len, INT64_MAX)) {
		why(w, "LUKS: the header lies outside the file");
		return fail(c);
	}
	err = file_read(c->file, head, sizeof(head), off);
	if (err) {
		why(w, "LUKS: %s", strerror(-err));
		return fail(c);
	}
	if (luks_parse(&c->luks, head, len, w))
		return fail(c);
	if (!has_secret(how, w))
		return w->text[0] ? fail(c) : c;
	return unlock(c, how->secret, how->secret_len, w) ? fail(c) : c;
}

void
crypt_close(struct crypt *c)
{
	if (!c)
		return;
	crypt_forget(&c->keyed);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

/* qcow2.txt, "Data encryption": the sector's number is that of the file with LUKS, that of the disk with AES. */
static int
sectors(const struct crypt *c, bool encrypt, uint64_t host, uint64_t guest, void *buf, size_t len)
{
	if (!c->has_key)
		return -EACCES;
	if ((host | guest | len) % CRYPT_SECTOR)
		return -EIO;
	crypt_sectors(&c->keyed, encrypt, (c->is_luks ? host : guest) / CRYPT_SECTOR, buf, len);
	return 0;
}

int
crypt_encrypt(const struct crypt *c, uint64_t host, uint64_t guest, void *buf, size_t len)
{
	return sectors(c, true, host, guest, buf, len);
}

int
crypt_decrypt(const struct crypt *c, uint64_t host, uint64_t guest, void *buf, size_t len)
{
	return sectors(c, false, host, guest, buf, len);
}

/* Reads a sector of which only a part is to be written. */
static int
load_sector(const struct crypt *c, struct file *f, uint8_t *buf, uint64_t host, uint64_t guest)
{
	int err = file_read(f, buf, CRYPT_SECTOR, host);

	return err ? err : crypt_decrypt(c, host, guest, buf, CRYPT_SECTOR);
}

/* Writes what fits into the room; `back` bytes of the first sector come before it. */
static int
write_some(const struct crypt *c, struct file *f, uint8_t *room, const void *buf, size_t len, uint64_t host, uint64_t guest)
{
	size_t back = host % CRYPT_SECTOR, whole = align_up(back + len, CRYPT_SECTOR);
	int err = 0;

	host -= back;
	guest -= back;
	if (back)
		err = load_sector(c, f, room, host, guest);
	if (!err && (back + len) % CRYPT_SECTOR && (!back || whole > CRYPT_SECTOR))
		err = load_sector(c, f, room + whole - CRYPT_SECTOR, host + whole - CRYPT_SECTOR, guest + whole - CRYPT_SECTOR);
	if (err)
		return err;
	memcpy(room + back, buf, len);
	err = crypt_encrypt(c, host, guest, room, whole);
	return err ? err : file_write(f, room, whole, host);
}

int
crypt_write(const struct crypt *c, struct file *f, const void *buf, size_t len, uint64_t host, uint64_t guest)
{
	size_t room_len = min_u64(align_up(len, CRYPT_SECTOR) + CRYPT_SECTOR, WRITE_ROOM);
	uint8_t *room = malloc(room_len);
	int err = room ? 0 : -ENOMEM;

	for (size_t n; len && !err; buf = (const uint8_t *)buf + n, host += n, guest += n, len -= n) {
		n = min_u64(len, room_len - host % CRYPT_SECTOR);
		err = write_some(c, f, room, buf, n, host, guest);
	}
	if (room)
		explicit_bzero(room, room_len);
	free(room);
	return err;
}

static void
describe_slot(const struct luks_slot *s, struct describe *d)
{
	d->begin(d, NULL, false);
	d->boolean(d, "active", s->active);
	if (s->active) {
		d->number(d, "iters", s->iterations);
		d->number(d, "key-offset", (int64_t)s->at * CRYPT_SECTOR);
		d->number(d, "stripes", LUKS_STRIPES);
	} else {
		d->number(d, "key-offset", (int64_t)s->at * CRYPT_SECTOR);
	}
	d->end(d);
}

static void
describe_luks(const struct luks *l, struct describe *d)
{
	d->string(d, "ivgen-alg", crypt_ivs[l->iv]);
	d->string(d, "hash-alg", l->hash->name);
	d->string(d, "cipher-alg", l->cipher->name);
	d->string(d, "uuid", l->uuid);
	if (l->iv == IV_ESSIV)
		d->string(d, "ivgen-hash-alg", l->iv_hash->name);
	d->string(d, "format", "luks");
	d->string(d, "cipher-mode", crypt_modes[l->mode]);
	d->begin(d, "slots", true);
	for (int i = 0; i < LUKS_SLOTS; i++)
		describe_slot(&l->slots[i], d);
	d->end(d);
	d->number(d, "payload-offset", (int64_t)l->payload * CRYPT_SECTOR);
	d->number(d, "master-key-iters", l->iterations);
}

void
crypt_describe(const struct crypt *c, struct describe *d)
{
	d->begin(d, "encrypt", false);
	if (c->is_luks)
		describe_luks(&c->luks, d);
	else
		d->string(d, "format", "aes");
	d->end(d);
}
