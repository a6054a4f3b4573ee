/* SPDX-License-Identifier: ISC */
/* The ciphers, hashes and modes by their names. */
#include <nettle/nettle-meta.h>
#include <string.h>

#include "common/image/crypt_parts.h"
#include "common/util.h"

const char *const crypt_modes[NMODES] = {[MODE_ECB] = "ecb", [MODE_CBC] = "cbc", [MODE_XTS] = "xts", [MODE_CTR] = "ctr"};
const char *const crypt_ivs[NIVS] = {[IV_PLAIN] = "plain", [IV_PLAIN64] = "plain64", [IV_ESSIV] = "essiv"};

static const struct crypt_cipher ciphers[] = {
	{"aes-128", "aes", &nettle_aes128},
	{"aes-192", "aes", &nettle_aes192},
	{"aes-256", "aes", &nettle_aes256},
	{"cast5-128", "cast5", &nettle_cast128},
	{"serpent-128", "serpent", &nettle_serpent128},
	{"serpent-192", "serpent", &nettle_serpent192},
	{"serpent-256", "serpent", &nettle_serpent256},
	{"twofish-128", "twofish", &nettle_twofish128},
	{"twofish-192", "twofish", &nettle_twofish192},
	{"twofish-256", "twofish", &nettle_twofish256},
};

static const struct crypt_hash hashes[] = {
	{"md5", &nettle_md5},	    {"sha1", &nettle_sha1},	{"sha224", &nettle_sha224},	  {"sha256", &nettle_sha256},
	{"sha384", &nettle_sha384}, {"sha512", &nettle_sha512}, {"ripemd160", &nettle_ripemd160},
};

const struct crypt_cipher *
crypt_cipher_named(const char *name)
{
	for (size_t n = 0; n < ARRAY_LEN(ciphers); n++)
		if (!strcmp(ciphers[n].name, name))
			return &ciphers[n];
	return NULL;
}

const struct crypt_cipher *
crypt_cipher_spec(const char *spec, uint32_t key_len)
{
	for (size_t n = 0; n < ARRAY_LEN(ciphers); n++)
		if (!strcmp(ciphers[n].spec, spec) && ciphers[n].c->key_size == key_len)
			return &ciphers[n];
	return NULL;
}

const struct crypt_hash *
crypt_hash_named(const char *name)
{
	for (size_t n = 0; n < ARRAY_LEN(hashes); n++)
		if (!strcmp(hashes[n].name, name))
			return &hashes[n];
	return NULL;
}

int
crypt_word(const char *const *words, int n, const char *word)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

uint32_t
crypt_key_len(const struct crypt_cipher *c, int mode)
{
	return c->c->key_size * (mode == MODE_XTS ? 2 : 1);
}

const struct crypt_cipher *
crypt_essiv_cipher(const struct crypt_cipher *c, const struct crypt_hash *iv_hash)
{
	return crypt_cipher_spec(c->spec, iv_hash->h->digest_size);
}

const char *
crypt_fits(const struct crypt_cipher *c, int mode, int iv, const struct crypt_hash *iv_hash, struct why *w)
{
	if (mode == MODE_XTS && c->c->block_size != CRYPT_BLOCK_MAX)
		return why(w, "xts is not for %s, whose blocks are of %u bytes", c->name, c->c->block_size);
	if (iv != IV_ESSIV)
		return NULL;
	if (!iv_hash)
		return why(w, "essiv without a hash");
	if (!crypt_essiv_cipher(c, iv_hash))
		return why(w, "essiv:%s is not for %s: no such key is %u bytes long", iv_hash->name, c->name, iv_hash->h->digest_size);
	return NULL;
}
