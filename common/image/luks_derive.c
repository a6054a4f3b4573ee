/* SPDX-License-Identifier: ISC */
/* From passphrases to keys: PBKDF2 and the anti-forensic splitter of LUKS1. */
#include <errno.h>
#include <nettle/hmac.h>
#include <nettle/memxor.h>
#include <nettle/pbkdf2.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/bytes.h"
#include "common/image/crypt_parts.h"

#define STATE_MAX 512	    /* of a hash; the largest of nettle's is 352 */
#define ITERATIONS_MIN 1000 /* RFC 8018, 4.2 */
#define MEASURE_NS 20000000

struct prf {
	const struct nettle_hash *h;
	uint8_t outer[STATE_MAX], inner[STATE_MAX], state[STATE_MAX];
} __attribute__((aligned(16)));

static void
prf_update(void *ctx, size_t len, const uint8_t *data)
{
	struct prf *p = ctx;

	hmac_update(p->state, p->h, len, data);
}

static void
prf_digest(void *ctx, size_t len, uint8_t *out)
{
	struct prf *p = ctx;

	hmac_digest(p->outer, p->inner, p->state, p->h, len, out);
}

void
luks_pbkdf2(const struct crypt_hash *h, const uint8_t *secret, size_t n, const uint8_t salt[LUKS_SALT], uint32_t iterations,
    uint8_t *out, size_t len)
{
	struct prf p = {.h = h->h};

	hmac_set_key(p.outer, p.inner, p.state, p.h, n, secret);
	pbkdf2(&p, prf_update, prf_digest, p.h->digest_size, iterations, LUKS_SALT, salt, len, out);
	explicit_bzero(&p, sizeof(p));
}

static int64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint32_t
luks_iterations(const struct crypt_hash *h, size_t len, uint32_t ms)
{
	static const uint8_t salt[LUKS_SALT];
	uint8_t out[CRYPT_KEY_MAX];
	uint32_t n = ITERATIONS_MIN;
	int64_t took;

	for (;; n *= 2) {
		int64_t start = cpu_ns();

		luks_pbkdf2(h, salt, sizeof(salt), salt, n, out, len);
		took = cpu_ns() - start;
		if (took >= MEASURE_NS || n >= LUKS_ITERATIONS_MAX / 2)
			break;
	}
	double fits = (double)n * ms * 1e6 / (double)(took > 0 ? took : 1);
	if (fits < ITERATIONS_MIN)
		return ITERATIONS_MIN;
	/* All slots of such an image are together within what we open ourselves. */
	return fits > LUKS_ITERATIONS_MAX / (LUKS_SLOTS + 1) ? LUKS_ITERATIONS_MAX / (LUKS_SLOTS + 1) : (uint32_t)fits;
}

/* Spreads a change of any bit over all of the block: "diffuse", LUKS1 2.4. */
static void
diffuse(const struct nettle_hash *h, uint8_t *block, size_t len)
{
	uint8_t state[STATE_MAX] __attribute__((aligned(16))), number[4];
	size_t n;

	for (uint32_t i = 0; len; i++, block += n, len -= n) {
		n = min_u64(len, h->digest_size);
		put_be32(number, i);
		h->init(state);
		h->update(state, sizeof(number), number);
		h->update(state, n, block);
		h->digest(state, n, block);
	}
	explicit_bzero(state, sizeof(state));
}

/* What all stripes but the last come to. */
static void
fold(const struct nettle_hash *h, const uint8_t *stripes, size_t len, uint8_t *sum)
{
	memset(sum, 0, len);
	for (unsigned i = 0; i < LUKS_STRIPES - 1; i++) {
		memxor(sum, stripes + i * len, len);
		diffuse(h, sum, len);
	}
}

int
luks_split(const struct crypt_hash *h, const uint8_t *key, size_t len, uint8_t *stripes)
{
	uint8_t *last = stripes + (LUKS_STRIPES - 1) * len;

	for (uint8_t *at = stripes; at < last;) {
		ssize_t n = getrandom(at, (size_t)(last - at), 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? n : 0;
	}
	fold(h->h, stripes, len, last);
	memxor(last, key, len);
	return 0;
}

void
luks_merge(const struct crypt_hash *h, const uint8_t *stripes, size_t len, uint8_t *key)
{
	fold(h->h, stripes, len, key);
	memxor(key, stripes + (LUKS_STRIPES - 1) * len, len);
}
