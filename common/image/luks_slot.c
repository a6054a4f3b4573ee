/* SPDX-License-Identifier: ISC */
/* LUKS1's key slots: the master key in stripes, encrypted with what a passphrase gives. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/image/crypt_parts.h"

/* Room for a slot's stripes, in whole sectors; wiped by drop. */
static uint8_t *
room(const struct luks *l, size_t *len)
{
	*len = (size_t)luks_slot_sectors(l) * CRYPT_SECTOR;
	return calloc(1, *len);
}

static void
drop(uint8_t *p, size_t len)
{
	if (p)
		explicit_bzero(p, len);
	free(p);
}

/* Encrypts or decrypts stripes with the passphrase's key; they are sectors from 0 on. */
static bool
stripes_crypt(const struct luks *l, const struct luks_slot *s, bool encrypt, const uint8_t *secret, size_t n, uint8_t *buf,
    size_t len)
{
	struct crypt_keyed k;
	uint8_t key[CRYPT_KEY_MAX];
	bool ok;

	luks_pbkdf2(l->hash, secret, n, s->salt, s->iterations, key, l->key_len);
	ok = crypt_key(&k, l->cipher, l->mode, l->iv, l->iv_hash, key);
	explicit_bzero(key, sizeof(key));
	if (!ok)
		return false;
	crypt_sectors(&k, encrypt, 0, buf, len);
	crypt_forget(&k);
	return true;
}

/* Whether this is the master key. */
static bool
right(const struct luks *l, const uint8_t *key)
{
	uint8_t digest[LUKS_DIGEST];

	luks_pbkdf2(l->hash, key, l->key_len, l->salt, l->iterations, digest, sizeof(digest));
	return !memcmp(digest, l->digest, sizeof(digest));
}

static int
slot_open(const struct luks *l, const struct luks_slot *s, struct file *f, uint64_t off, const uint8_t *secret, size_t n,
    uint8_t *key)
{
	size_t len;
	uint8_t *stripes = room(l, &len);
	int err = stripes ? file_read(f, stripes, len, off + (uint64_t)s->at * CRYPT_SECTOR) : -ENOMEM;

	if (!err && !stripes_crypt(l, s, false, secret, n, stripes, len))
		err = -ENOMEM;
	if (!err)
		luks_merge(l->hash, stripes, l->key_len, key);
	drop(stripes, len);
	if (!err && !right(l, key)) {
		explicit_bzero(key, l->key_len);
		err = -EACCES;
	}
	return err;
}

int
luks_unlock(const struct luks *l, struct file *f, uint64_t off, int slot, const uint8_t *secret, size_t n, uint8_t *key)
{
	int err = -EACCES;

	if (luks_work(l) > LUKS_ITERATIONS_MAX)
		return -E2BIG;
	for (int i = 0; i < LUKS_SLOTS && err == -EACCES; i++) {
		if (!l->slots[i].active || (slot >= 0 && i != slot))
			continue;
		err = slot_open(l, &l->slots[i], f, off, secret, n, key);
		if (!err)
			return i;
	}
	return err;
}

static int
header_write(const struct luks *l, struct file *f, uint64_t off)
{
	uint8_t head[LUKS_HEAD];
	int err;

	luks_encode(l, head);
	err = file_write(f, head, sizeof(head), off);
	return err ? err : file_flush(f);
}

int
luks_slot_add(struct luks *l, struct file *f, uint64_t off, int slot, uint32_t ms, const uint8_t *secret, size_t n,
    const uint8_t *key)
{
	struct luks_slot *s = &l->slots[slot];
	size_t len;
	uint8_t *stripes = room(l, &len);
	int err = stripes ? luks_split(l->hash, key, l->key_len, stripes) : -ENOMEM;

	s->iterations = luks_iterations(l->hash, l->key_len, ms);
	if (!err && getrandom(s->salt, sizeof(s->salt), 0) != sizeof(s->salt))
		err = -EIO;
	if (!err && !stripes_crypt(l, s, true, secret, n, stripes, len))
		err = -ENOMEM;
	/* The header names the stripes only once they are there. */
	if (!err)
		err = file_write(f, stripes, len, off + (uint64_t)s->at * CRYPT_SECTOR);
	if (!err)
		err = file_flush(f);
	drop(stripes, len);
	s->active = !err;
	return err ? err : header_write(l, f, off);
}

int
luks_slot_erase(struct luks *l, struct file *f, uint64_t off, int slot)
{
	struct luks_slot *s = &l->slots[slot];
	size_t len;
	uint8_t *noise = room(l, &len);
	int err, wiped = noise ? 0 : -ENOMEM;

	*s = (struct luks_slot){.at = s->at};
	err = header_write(l, f, off);
	/* One pass: what storage remembers of overwritten data, more passes do not reach. */
	for (size_t at = 0; at < len && !wiped;) {
		ssize_t n = getrandom(noise + at, len - at, 0);

		if (n > 0)
			at += (size_t)n;
		else if (errno != EINTR)
			wiped = -errno;
	}
	if (!wiped)
		wiped = file_write(f, noise, len, off + (uint64_t)s->at * CRYPT_SECTOR);
	if (!wiped)
		wiped = file_flush(f);
	free(noise);
	return err ? err : wiped;
}
