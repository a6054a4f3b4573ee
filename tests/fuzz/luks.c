/* SPDX-License-Identifier: ISC */
/* pkg: nettle libdeflate zlib libzstd */
/* links: tests/memory.c tests/fields.c */
/* Any bytes as a LUKS header: what passes is described, encoded as it was, and opened where that is little work. */
#include "common/image/crypt_parts.h"
#include "tests/fuzz/describe.h"
#include "tests/memory.h"

#define WORK_MAX 64 /* iterations */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
string(struct describe *d, const char *key, const char *value)
{
	(void)d, (void)key;
	if (strlen(value) > 40)
		abort();
}

static void
number(struct describe *d, const char *key, int64_t value)
{
	(void)d, (void)key;
	if (value < 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct memory m = {.limit = 16 << 20};
	struct image_open how = {.flags = IMAGE_INFO, .secret_len = 1};
	struct luks again;
	struct crypt *c;
	struct why w;

	listener.string = string;
	listener.number = number;
	memory_set(&m, data, size);
	how.file = memory_open(&m, true);
	c = crypt_open_luks(&how, 0, 16 << 20, &w);
	if (c) {
		uint8_t head[LUKS_HEAD];

		crypt_describe(c, &listener);
		listener_done();
		luks_encode(&c->luks, head);
		if (luks_parse(&again, head, 16 << 20, &w) || memcmp(again.slots, c->luks.slots, sizeof(again.slots)))
			abort();
		if (luks_work(&c->luks) <= WORK_MAX) {
			how.flags = 0;
			how.secret = (const uint8_t *)"x";
			crypt_close(crypt_open_luks(&how, 0, 16 << 20, &w));
		}
	}
	crypt_close(c);
	file_close(how.file);
	return 0;
}
