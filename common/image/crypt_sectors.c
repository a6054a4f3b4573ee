/* SPDX-License-Identifier: ISC */
/* The encryption of sectors: cipher, mode and initialization vector put together. */
#include <nettle/cbc.h>
#include <nettle/ctr.h>
#include <nettle/memxor.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/crypt_parts.h"

#define HASH_STATE_MAX 512 /* the largest of nettle's is 352 */

static void *
context(const struct nettle_cipher *c, nettle_set_key_func *set_key, const uint8_t *key)
{
	void *ctx = malloc(c->context_size);

	if (ctx)
		set_key(ctx, key);
	return ctx;
}

/* ESSIV's key is the digest of the whole key. */
static void *
essiv_context(const struct nettle_cipher *c, const struct nettle_hash *h, const uint8_t *key, uint32_t len)
{
	uint8_t digest[CRYPT_DIGEST_MAX], state[HASH_STATE_MAX] __attribute__((aligned(16)));
	void *ctx;

	h->init(state);
	h->update(state, len, key);
	h->digest(state, h->digest_size, digest);
	ctx = context(c, c->set_encrypt_key, digest);
	explicit_bzero(digest, sizeof(digest));
	explicit_bzero(state, sizeof(state));
	return ctx;
}

bool
crypt_key(struct crypt_keyed *k, const struct crypt_cipher *cipher, int mode, int iv, const struct crypt_hash *iv_hash,
    const uint8_t *key)
{
	const struct nettle_cipher *c = cipher->c;

	*k = (struct crypt_keyed){.c = c, .mode = mode, .iv = iv};
	k->encrypt = context(c, c->set_encrypt_key, key);
	k->decrypt = context(c, c->set_decrypt_key, key);
	if (mode == MODE_XTS)
		k->tweak = context(c, c->set_encrypt_key, key + c->key_size);
	if (iv == IV_ESSIV) {
		k->essiv_c = crypt_essiv_cipher(cipher, iv_hash)->c;
		k->essiv = essiv_context(k->essiv_c, iv_hash->h, key, crypt_key_len(cipher, mode));
	}
	if (k->encrypt && k->decrypt && (k->tweak || mode != MODE_XTS) && (k->essiv || iv != IV_ESSIV))
		return true;
	crypt_forget(k);
	return false;
}

static void
forget(void *ctx, const struct nettle_cipher *c)
{
	if (ctx)
		explicit_bzero(ctx, c->context_size);
	free(ctx);
}

void
crypt_forget(struct crypt_keyed *k)
{
	forget(k->encrypt, k->c);
	forget(k->decrypt, k->c);
	forget(k->tweak, k->c);
	forget(k->essiv, k->essiv_c);
	*k = (struct crypt_keyed){0};
}

static void
make_iv(const struct crypt_keyed *k, uint64_t sector, uint8_t iv[CRYPT_BLOCK_MAX])
{
	memset(iv, 0, CRYPT_BLOCK_MAX);
	put_le64(iv, k->iv == IV_PLAIN ? (uint32_t)sector : sector);
	if (k->iv == IV_ESSIV)
		k->essiv_c->encrypt(k->essiv, k->essiv_c->block_size, iv, iv);
}

/* The tweak of the next block: times x in GF(2^128), little-endian (IEEE 1619, 5.2). */
static void
next_tweak(uint8_t *to, const uint8_t *from)
{
	uint64_t low = get_le64(from), high = get_le64(from + 8);

	put_le64(to, low << 1 ^ (high >> 63) * 0x87);
	put_le64(to + 8, high << 1 | low >> 63);
}

/* All blocks of the sector in one call of the cipher, which is several times as fast as block by block. */
static void
xts(const struct crypt_keyed *k, nettle_cipher_func *f, const void *ctx, uint8_t *iv, uint8_t *buf)
{
	uint8_t tweaks[CRYPT_SECTOR];

	k->c->encrypt(k->tweak, CRYPT_BLOCK_MAX, tweaks, iv);
	for (size_t at = CRYPT_BLOCK_MAX; at < CRYPT_SECTOR; at += CRYPT_BLOCK_MAX)
		next_tweak(tweaks + at, tweaks + at - CRYPT_BLOCK_MAX);
	memxor(buf, tweaks, CRYPT_SECTOR);
	f(ctx, CRYPT_SECTOR, buf, buf);
	memxor(buf, tweaks, CRYPT_SECTOR);
}

void
crypt_sectors(const struct crypt_keyed *k, bool encrypt, uint64_t sector, uint8_t *buf, size_t len)
{
	nettle_cipher_func *f = encrypt ? k->c->encrypt : k->c->decrypt;
	const void *ctx = encrypt ? k->encrypt : k->decrypt;
	uint8_t iv[CRYPT_BLOCK_MAX];

	for (; len; sector++, buf += CRYPT_SECTOR, len -= CRYPT_SECTOR) {
		make_iv(k, sector, iv);
		switch (k->mode) {
		case MODE_XTS:
			xts(k, f, ctx, iv, buf);
			break;
		case MODE_CBC:
			(encrypt ? cbc_encrypt : cbc_decrypt)(ctx, f, k->c->block_size, iv, CRYPT_SECTOR, buf, buf);
			break;
		case MODE_CTR:
			ctr_crypt(k->encrypt, k->c->encrypt, k->c->block_size, iv, CRYPT_SECTOR, buf, buf);
			break;
		default:
			f(ctx, CRYPT_SECTOR, buf, buf);
		}
	}
}
