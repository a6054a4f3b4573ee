/* SPDX-License-Identifier: ISC */
/* What the files of encryption share; its users see crypt.h. */
#ifndef COMMON_IMAGE_CRYPT_PARTS_H
#define COMMON_IMAGE_CRYPT_PARTS_H

#include <nettle/nettle-meta.h>

#include "common/image/crypt.h"
#include "common/image/luks.h"

#define CRYPT_KEY_MAX 64    /* two of 256 bits: XTS */
#define CRYPT_DIGEST_MAX 64 /* SHA-512 */
#define CRYPT_BLOCK_MAX 16

struct crypt_cipher {
	const char *name; /* QEMU's: "aes-256" */
	const char *spec; /* LUKS's: "aes"; the length of the key tells the rest */
	const struct nettle_cipher *c;
};

struct crypt_hash {
	const char *name; /* QEMU's, and LUKS's */
	const struct nettle_hash *h;
};

enum { MODE_ECB, MODE_CBC, MODE_XTS, MODE_CTR, NMODES };
enum { IV_PLAIN, IV_PLAIN64, IV_ESSIV, NIVS };
extern const char *const crypt_modes[NMODES], *const crypt_ivs[NIVS];

/* How sectors are encrypted: by what, and with which key. */
struct crypt_keyed {
	const struct nettle_cipher *c;
	int mode, iv;
	void *encrypt, *decrypt, *tweak; /* contexts; tweak is of XTS */
	const struct nettle_cipher *essiv_c;
	void *essiv;
};

struct crypt {
	struct crypt_keyed keyed;
	bool has_key;
	bool is_luks; /* then the rest is set */
	struct file *file;
	uint64_t off; /* of the header */
	struct luks luks;
	uint8_t key[CRYPT_KEY_MAX]; /* the master key, for new slots */
};

/* NULL: unknown. `key_len` is in bytes, of a single key. */
const struct crypt_cipher *crypt_cipher_named(const char *name);
const struct crypt_cipher *crypt_cipher_spec(const char *spec, uint32_t key_len);
const struct crypt_hash *crypt_hash_named(const char *name);
int crypt_word(const char *const *words, int n, const char *word); /* its index, or -1 */

/* Key bytes that the cipher takes in this mode. */
uint32_t crypt_key_len(const struct crypt_cipher *c, int mode);

/* What encrypts the sector numbers: the cipher whose key is as long as the hash's digest. NULL: there is none. */
const struct crypt_cipher *crypt_essiv_cipher(const struct crypt_cipher *c, const struct crypt_hash *iv_hash);

/* NULL, or why these do not go together. */
const char *crypt_fits(const struct crypt_cipher *c, int mode, int iv, const struct crypt_hash *iv_hash, struct why *w);

/* Sets up what crypt_fits has passed, with crypt_key_len bytes of key. False: out of memory. */
bool crypt_key(struct crypt_keyed *k, const struct crypt_cipher *c, int mode, int iv, const struct crypt_hash *iv_hash,
    const uint8_t *key);
void crypt_forget(struct crypt_keyed *k);

/* Whole sectors in place, the first of which has this number. */
void crypt_sectors(const struct crypt_keyed *k, bool encrypt, uint64_t sector, uint8_t *buf, size_t len);

#endif
