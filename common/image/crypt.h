/* SPDX-License-Identifier: ISC */
/*
 * Encryption of an image's data: LUKS1 within qcow2 and the AES of old (crypt_method 2 and 1). A key is derived once, at
 * opening; from then on the functions that only read a struct crypt may be called on any thread. What held a secret is wiped.
 */
#ifndef COMMON_IMAGE_CRYPT_H
#define COMMON_IMAGE_CRYPT_H

#include "common/image/image.h"

#define CRYPT_SECTOR 512 /* bytes that are encrypted as one */

struct crypt;

/*
 * The encryption of an image that is being opened: `aes` of qcow and qcow2 (AES-128-CBC, the passphrase is the key), and LUKS
 * whose header is len bytes of how->file at off. Without how->secret it has no key, which only IMAGE_INFO and IMAGE_CHECK bear.
 * NULL with the reason: no passphrase, a wrong one, a header that cannot be.
 */
struct crypt *crypt_open_aes(const struct image_open *how, struct why *w);
struct crypt *crypt_open_luks(const struct image_open *how, uint64_t off, uint64_t len, struct why *w);
void crypt_close(struct crypt *c); /* NULL: nothing */

/*
 * Whole sectors of the disk from `guest` on, which lie in their file from `host` on; both are multiples of CRYPT_SECTOR.
 * -EACCES without a key.
 */
int crypt_encrypt(const struct crypt *c, uint64_t host, uint64_t guest, void *buf, size_t len);
int crypt_decrypt(const struct crypt *c, uint64_t host, uint64_t guest, void *buf, size_t len);

/* file_write of any bytes, encrypted: sectors of which only a part is written are read, changed and written. */
int crypt_write(const struct crypt *c, struct file *f, const void *buf, size_t len, uint64_t host, uint64_t guest);

/* The object "encrypt" of `info`. */
void crypt_describe(const struct crypt *c, struct describe *d);

/* The options of create, rows of a format's table. */
#define CRYPT_OPTIONS                                                                                                              \
	{"encrypt.format", OPTION_STRING, "encrypt the image: luks, or aes (which is broken: only for reading elsewhere)", false}, \
	    {"encrypt.key-secret", OPTION_STRING, "ID of the secret that is the passphrase", false},                               \
	    {"encrypt.cipher-alg", OPTION_STRING, "aes-256; aes-, serpent-, twofish-128, -192, -256, cast5-128", false},           \
	    {"encrypt.cipher-mode", OPTION_STRING, "xts; cbc, ctr, ecb", false},                                                   \
	    {"encrypt.ivgen-alg", OPTION_STRING, "plain64; plain, essiv", false},                                                  \
	    {"encrypt.ivgen-hash-alg", OPTION_STRING, "of essiv: sha256; md5, sha1, sha224, sha384, sha512, ripemd160", false},    \
	    {"encrypt.hash-alg", OPTION_STRING, "of the key's derivation: sha256 ...", false},                                     \
	    {"encrypt.iter-time", OPTION_NUMBER, "milliseconds that an attempt at a passphrase is to take: 2000", false}

/* What the settings of a creation ask for. */
struct crypt_new {
	uint32_t method;	  /* qcow2's crypt_method: 0 none, 1 aes, 2 LUKS */
	uint64_t header_len;	  /* of LUKS: bytes that crypt_create writes */
	const struct crypt_cipher *cipher;
	const struct crypt_hash *hash, *iv_hash;
	int mode, iv;
	uint32_t iter_time;
};

/* NULL, or what is wrong with the settings. Where there is no encrypt.format, method is 0. */
const char *crypt_new(struct crypt_new *n, const struct image_create *c, struct why *w);

/* Writes LUKS's header at off, with a new master key for c->secret: header_len bytes, of which all are written. */
const char *crypt_create(const struct crypt_new *n, const struct image_create *c, uint64_t off, struct why *w);

/* A change of LUKS's key slots, as amend has it. */
struct crypt_amend {
	bool active;		   /* encrypt.state: a passphrase is added, else taken away */
	int slot;		   /* encrypt.keyslot, or -1 */
	const uint8_t *new_secret; /* or NULL */
	size_t new_len;
	const uint8_t *old_secret; /* or NULL */
	size_t old_len;
	uint32_t iter_time;	   /* milliseconds; 0: 2000 */
	bool force;		   /* the last slot may be erased, a used one overwritten */
};

/* On stable storage when it returns NULL; a cut leaves the old or the new slot. The image is open for writing. */
const char *crypt_amend(struct crypt *c, const struct crypt_amend *a, struct why *w);

#endif
