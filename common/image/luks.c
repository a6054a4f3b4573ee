/* SPDX-License-Identifier: ISC */
/* LUKS1's header: what it says and whether it can be so. */
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/crypt_parts.h"

/* Of the header (LUKS1, figure 1) and of a key slot (figure 2). Numbers are big-endian, strings end with NUL. */
#define AT_VERSION 6
#define AT_CIPHER 8
#define AT_MODE 40
#define AT_HASH 72
#define AT_PAYLOAD 104
#define AT_KEY_LEN 108
#define AT_DIGEST 112
#define AT_SALT 132
#define AT_ITERATIONS 164
#define AT_UUID 168
#define AT_SLOTS 208
#define SLOT_LEN 48
#define SLOT_ITERATIONS 4
#define SLOT_SALT 8
#define SLOT_KEY 40
#define SLOT_STRIPES 44
#define SLOT_ACTIVE 0x00ac71f3
#define SLOT_FREE 0x0000dead
#define NAME_LEN 32

static const uint8_t magic[6] = {'L', 'U', 'K', 'S', 0xba, 0xbe};

static uint32_t
stripes_len(const struct luks *l)
{
	return l->key_len * LUKS_STRIPES;
}

uint32_t
luks_slot_sectors(const struct luks *l)
{
	return (stripes_len(l) + CRYPT_SECTOR - 1) / CRYPT_SECTOR;
}

uint64_t
luks_work(const struct luks *l)
{
	uint64_t n = l->iterations;

	for (int i = 0; i < LUKS_SLOTS; i++)
		n += l->slots[i].active ? (uint64_t)l->slots[i].iterations + l->iterations : 0;
	return n;
}

/* "xts-plain64", "cbc-essiv:sha256"; as cryptsetup has it, a mode without an IV stands alone: "ecb". */
static const char *
parse_mode(struct luks *l, char *text, struct why *w)
{
	char *iv = strchr(text, '-'), *hash;

	if (iv)
		*iv++ = 0;
	hash = iv ? strchr(iv, ':') : NULL;
	if (hash)
		*hash++ = 0;
	l->mode = crypt_word(crypt_modes, NMODES, text);
	if (l->mode < 0)
		return why(w, "LUKS: unknown cipher mode %s", text);
	l->iv = iv ? crypt_word(crypt_ivs, NIVS, iv) : IV_PLAIN;
	if (l->iv < 0 || (!iv && l->mode != MODE_ECB))
		return why(w, "LUKS: unknown IV generator %s", iv ? iv : "(none)");
	l->iv_hash = hash ? crypt_hash_named(hash) : NULL;
	return hash && !l->iv_hash ? why(w, "LUKS: unknown hash %s of the IV generator", hash) : NULL;
}

static const char *
parse_algorithms(struct luks *l, const uint8_t *head, struct why *w)
{
	char cipher[NAME_LEN], mode[NAME_LEN], hash[NAME_LEN];
	const char *bad;

	memcpy(cipher, head + AT_CIPHER, NAME_LEN);
	memcpy(mode, head + AT_MODE, NAME_LEN);
	memcpy(hash, head + AT_HASH, NAME_LEN);
	memcpy(l->uuid, head + AT_UUID, sizeof(l->uuid) - 1);
	if (cipher[NAME_LEN - 1] || mode[NAME_LEN - 1] || hash[NAME_LEN - 1])
		return why(w, "LUKS: a name in the header has no end");
	l->hash = crypt_hash_named(hash);
	if (!l->hash)
		return why(w, "LUKS: unknown hash %s", hash);
	bad = parse_mode(l, mode, w);
	if (bad)
		return bad;
	l->cipher = crypt_cipher_spec(cipher, l->mode == MODE_XTS ? l->key_len / 2 : l->key_len);
	if (!l->cipher || crypt_key_len(l->cipher, l->mode) != l->key_len)
		return why(w, "LUKS: unknown cipher %s with a key of %u bytes", cipher, l->key_len);
	return crypt_fits(l->cipher, l->mode, l->iv, l->iv_hash, w);
}

static const char *
parse_slot(struct luks *l, int n, const uint8_t *raw, uint64_t len, struct why *w)
{
	struct luks_slot *s = &l->slots[n];
	uint32_t state = get_be32(raw);

	s->active = state == SLOT_ACTIVE;
	s->iterations = get_be32(raw + SLOT_ITERATIONS);
	memcpy(s->salt, raw + SLOT_SALT, LUKS_SALT);
	s->at = get_be32(raw + SLOT_KEY);
	if (!s->active && state != SLOT_FREE)
		return why(w, "LUKS: key slot %d is neither used nor free", n);
	if (get_be32(raw + SLOT_STRIPES) != LUKS_STRIPES)
		return why(w, "LUKS: key slot %d has %u stripes, not %d", n, get_be32(raw + SLOT_STRIPES), LUKS_STRIPES);
	if (s->active && !s->iterations)
		return why(w, "LUKS: key slot %d has no iterations", n);
	if (s->at < (LUKS_HEAD + CRYPT_SECTOR - 1) / CRYPT_SECTOR || s->at + (uint64_t)luks_slot_sectors(l) > l->payload)
		return why(w, "LUKS: key slot %d lies over the header or the data", n);
	if (!range_within((uint64_t)s->at * CRYPT_SECTOR, (uint64_t)luks_slot_sectors(l) * CRYPT_SECTOR, len))
		return why(w, "LUKS: key slot %d lies outside the header's area", n);
	for (int i = 0; i < n; i++)
		if (labs((long)s->at - (long)l->slots[i].at) < (long)luks_slot_sectors(l))
			return why(w, "LUKS: key slots %d and %d overlap", i, n);
	return NULL;
}

const char *
luks_parse(struct luks *l, const uint8_t head[LUKS_HEAD], uint64_t len, struct why *w)
{
	const char *bad;

	*l = (struct luks){0};
	if (len < LUKS_HEAD)
		return why(w, "LUKS: the header is cut off");
	if (memcmp(head, magic, sizeof(magic)))
		return why(w, "LUKS: there is no header");
	if (get_be16(head + AT_VERSION) != 1)
		return why(w, "LUKS: version %u, not 1", get_be16(head + AT_VERSION));
	l->payload = get_be32(head + AT_PAYLOAD);
	l->key_len = get_be32(head + AT_KEY_LEN);
	l->iterations = get_be32(head + AT_ITERATIONS);
	memcpy(l->digest, head + AT_DIGEST, LUKS_DIGEST);
	memcpy(l->salt, head + AT_SALT, LUKS_SALT);
	if (l->key_len > CRYPT_KEY_MAX)
		return why(w, "LUKS: a key of %u bytes", l->key_len);
	if (!l->iterations)
		return why(w, "LUKS: the master key has no iterations");
	bad = parse_algorithms(l, head, w);
	for (int i = 0; i < LUKS_SLOTS && !bad; i++)
		bad = parse_slot(l, i, head + AT_SLOTS + i * SLOT_LEN, len, w);
	return bad;
}

static void
put_text(uint8_t *at, const char *text)
{
	memcpy(at, text, strlen(text));
}

void
luks_encode(const struct luks *l, uint8_t head[LUKS_HEAD])
{
	struct why mode; /* a name of at most 31 bytes: "cbc-essiv:ripemd160" */

	memset(head, 0, LUKS_HEAD);
	memcpy(head, magic, sizeof(magic));
	put_be16(head + AT_VERSION, 1);
	put_text(head + AT_CIPHER, l->cipher->spec);
	put_text(head + AT_MODE, why(&mode, "%s-%s%s%s", crypt_modes[l->mode], crypt_ivs[l->iv], l->iv_hash ? ":" : "",
				     l->iv_hash ? l->iv_hash->name : ""));
	put_text(head + AT_HASH, l->hash->name);
	put_be32(head + AT_PAYLOAD, l->payload);
	put_be32(head + AT_KEY_LEN, l->key_len);
	memcpy(head + AT_DIGEST, l->digest, LUKS_DIGEST);
	memcpy(head + AT_SALT, l->salt, LUKS_SALT);
	put_be32(head + AT_ITERATIONS, l->iterations);
	put_text(head + AT_UUID, l->uuid);
	for (int i = 0; i < LUKS_SLOTS; i++) {
		uint8_t *raw = head + AT_SLOTS + i * SLOT_LEN;

		put_be32(raw, l->slots[i].active ? SLOT_ACTIVE : SLOT_FREE);
		put_be32(raw + SLOT_ITERATIONS, l->slots[i].iterations);
		memcpy(raw + SLOT_SALT, l->slots[i].salt, LUKS_SALT);
		put_be32(raw + SLOT_KEY, l->slots[i].at);
		put_be32(raw + SLOT_STRIPES, LUKS_STRIPES);
	}
}
