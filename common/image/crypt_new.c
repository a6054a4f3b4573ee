/* SPDX-License-Identifier: ISC */
/* The encryption of an image that is being made. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/bytes.h"
#include "common/image/crypt_parts.h"

#define ITER_TIME 2000	 /* milliseconds */
#define SLOT_ALIGN 8	 /* sectors: stripes begin at pages, as cryptsetup and QEMU lay them out */
#define METHOD_AES 1
#define METHOD_LUKS 2

/* The setting's word, or another where it was not set. */
static const char *
word(const struct image_create *c, const char *name, const char *otherwise)
{
	const struct image_setting *s = image_setting(c, name);

	return s ? s->text : otherwise;
}

static const char *
choose_hash(const struct crypt_hash **h, const struct image_create *c, const char *option, const char *otherwise, struct why *w)
{
	const char *name = word(c, option, otherwise);

	*h = name ? crypt_hash_named(name) : NULL;
	return name && !*h ? why(w, "%s: unknown hash %s", option, name) : NULL;
}

static const char *
choose_luks(struct crypt_new *n, const struct image_create *c, struct why *w)
{
	const char *cipher = word(c, "encrypt.cipher-alg", "aes-256"), *mode = word(c, "encrypt.cipher-mode", "xts");
	const char *iv = word(c, "encrypt.ivgen-alg", "plain64"), *bad;
	uint64_t ms = image_number(c, "encrypt.iter-time", ITER_TIME);

	n->cipher = crypt_cipher_named(cipher);
	n->mode = crypt_word(crypt_modes, NMODES, mode);
	n->iv = crypt_word(crypt_ivs, NIVS, iv);
	n->iter_time = (uint32_t)ms;
	if (!n->cipher)
		return why(w, "encrypt.cipher-alg: unknown cipher %s", cipher);
	if (n->mode < 0)
		return why(w, "encrypt.cipher-mode: unknown mode %s", mode);
	if (n->iv < 0)
		return why(w, "encrypt.ivgen-alg: unknown generator %s", iv);
	if (ms < 1 || ms > UINT32_MAX)
		return why(w, "encrypt.iter-time: at least 1 millisecond, not %llu", (unsigned long long)ms);
	bad = choose_hash(&n->hash, c, "encrypt.hash-alg", "sha256", w);
	if (!bad)
		bad = choose_hash(&n->iv_hash, c, "encrypt.ivgen-hash-alg", n->iv == IV_ESSIV ? "sha256" : NULL, w);
	return bad ? bad : crypt_fits(n->cipher, n->mode, n->iv, n->iv_hash, w);
}

/* The header and the slots, each at a page. */
static void
lay_out(struct luks *l)
{
	uint32_t each = (uint32_t)align_up(luks_slot_sectors(l), SLOT_ALIGN), at = SLOT_ALIGN;

	for (int i = 0; i < LUKS_SLOTS; i++, at += each)
		l->slots[i].at = at;
	l->payload = at;
}

static struct luks
plan(const struct crypt_new *n)
{
	struct luks l = {
	    .cipher = n->cipher,
	    .mode = n->mode,
	    .iv = n->iv,
	    .iv_hash = n->iv_hash,
	    .hash = n->hash,
	    .key_len = crypt_key_len(n->cipher, n->mode),
	};

	lay_out(&l);
	return l;
}

const char *
crypt_new(struct crypt_new *n, const struct image_create *c, struct why *w)
{
	const char *format = word(c, "encrypt.format", NULL), *bad;

	*n = (struct crypt_new){0};
	if (!format) {
		for (size_t i = 0; i < c->nsettings; i++)
			if (!strncmp(c->settings[i].option->name, "encrypt.", 8))
				return why(w, "%s without encrypt.format", c->settings[i].option->name);
		return NULL;
	}
	if (strcmp(format, "aes") && strcmp(format, "luks"))
		return why(w, "encrypt.format is luks or aes, not %s", format);
	if (!c->secret)
		return why(w, "encrypt.key-secret names no secret: a passphrase is needed");
	n->method = METHOD_AES;
	if (!strcmp(format, "aes"))
		return NULL;
	n->method = METHOD_LUKS;
	bad = choose_luks(n, c, w);
	if (!bad)
		n->header_len = (uint64_t)plan(n).payload * CRYPT_SECTOR;
	return bad;
}

/* A random UUID (RFC 9562, 5.4). */
static bool
make_uuid(char text[37])
{
	uint8_t b[16];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return false;
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
	    b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return true;
}

const char *
crypt_create(const struct crypt_new *n, const struct image_create *c, uint64_t off, struct why *w)
{
	struct luks l = plan(n);
	uint8_t key[CRYPT_KEY_MAX];
	int err;

	/* The slots that are free read as zeroes. */
	err = file_zero(c->file, off, n->header_len, true);
	if (!err && (getrandom(key, l.key_len, 0) != (ssize_t)l.key_len || getrandom(l.salt, sizeof(l.salt), 0) != sizeof(l.salt) ||
			!make_uuid(l.uuid)))
		err = -EIO;
	if (!err) {
		/* An eighth of the time for the check of a key, as cryptsetup has it. */
		l.iterations = luks_iterations(l.hash, sizeof(l.digest), n->iter_time / 8);
		luks_pbkdf2(l.hash, key, l.key_len, l.salt, l.iterations, l.digest, sizeof(l.digest));
		err = luks_slot_add(&l, c->file, off, 0, n->iter_time, c->secret, c->secret_len, key);
	}
	explicit_bzero(key, sizeof(key));
	return err ? why(w, "LUKS: %s", strerror(-err)) : NULL;
}
