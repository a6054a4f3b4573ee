/* SPDX-License-Identifier: ISC */
/* LUKS1's header ("LUKS On-Disk Format Specification", version 1.2.3): what it says, and the keys that it keeps. */
#ifndef COMMON_IMAGE_LUKS_H
#define COMMON_IMAGE_LUKS_H

#include "common/image/image.h"

#define LUKS_SLOTS 8
#define LUKS_HEAD 592 /* bytes of the header itself */
#define LUKS_SALT 32
#define LUKS_DIGEST 20
#define LUKS_STRIPES 4000 /* of a key, always */

/*
 * An image asks for work before it can be read: the iterations of PBKDF2, over all slots. This many take a processor
 * with SHA instructions a minute; an image that asks for more is refused.
 */
#define LUKS_ITERATIONS_MAX (256 << 20)

struct crypt;
struct crypt_cipher;
struct crypt_hash;

struct luks_slot {
	bool active;
	uint32_t iterations;
	uint8_t salt[LUKS_SALT];
	uint32_t at; /* of the key's stripes, in sectors from the header's start */
};

struct luks {
	const struct crypt_cipher *cipher;
	int mode, iv;
	const struct crypt_hash *iv_hash; /* or NULL */
	const struct crypt_hash *hash;
	uint32_t key_len;
	uint32_t payload; /* where the data would begin, in sectors */
	uint8_t digest[LUKS_DIGEST], salt[LUKS_SALT]; /* of the master key */
	uint32_t iterations;
	char uuid[41];
	struct luks_slot slots[LUKS_SLOTS];
};

/* What is in a header of an area of len bytes. NULL, or the reason: all that is used later was checked. */
const char *luks_parse(struct luks *l, const uint8_t head[LUKS_HEAD], uint64_t len, struct why *w);
void luks_encode(const struct luks *l, uint8_t head[LUKS_HEAD]);

/* Iterations that trying a passphrase on all slots takes at most. */
uint64_t luks_work(const struct luks *l);

/* Sectors of a slot's stripes. */
uint32_t luks_slot_sectors(const struct luks *l);

/*
 * The master key from one slot, or the first that the passphrase opens (slot -1). The slot's number; -EACCES: it opens none;
 * -EIO and the like: could not be read; -E2BIG: more than LUKS_ITERATIONS_MAX.
 */
int luks_unlock(const struct luks *l, struct file *f, uint64_t off, int slot, const uint8_t *secret, size_t n, uint8_t *key);

/* The master key into a slot that is not active, for a passphrase: on stable storage when done. 0 or -errno. */
int luks_slot_add(struct luks *l, struct file *f, uint64_t off, int slot, uint32_t ms, const uint8_t *secret, size_t n,
    const uint8_t *key);

/* Nothing is left of the slot, as far as the storage forgets what is overwritten. 0 or -errno. */
int luks_slot_erase(struct luks *l, struct file *f, uint64_t off, int slot);

/* PBKDF2 (RFC 8018, 5.2) of this hash; and the iterations for len bytes that this machine does in so many milliseconds. */
void luks_pbkdf2(const struct crypt_hash *h, const uint8_t *secret, size_t n, const uint8_t salt[LUKS_SALT], uint32_t iterations,
    uint8_t *out, size_t len);
uint32_t luks_iterations(const struct crypt_hash *h, size_t len, uint32_t ms);

/* The anti-forensic splitter: len bytes to LUKS_STRIPES times as many, and back. split: 0 or -errno (no random bytes). */
int luks_split(const struct crypt_hash *h, const uint8_t *key, size_t len, uint8_t *stripes);
void luks_merge(const struct crypt_hash *h, const uint8_t *stripes, size_t len, uint8_t *key);

#endif
