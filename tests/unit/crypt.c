/* SPDX-License-Identifier: ISC */
/* pkg: nettle libdeflate zlib libzstd */
/* Encryption: known answers, LUKS headers made, opened, changed and spoilt, writes of any place and length. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "common/bytes.h"
#include "common/image/crypt_parts.h"
#include "common/util.h"
#include "tests/unit/tap.h"

#define HEADER_AT 65536
#define FAST 1 /* milliseconds: the least */

static struct why w;

static struct file *
memory(void)
{
	return file_open_fd(memfd_create("image", MFD_CLOEXEC), "image", &w);
}

static void
test_pbkdf2(void)
{
	/* Python's hashlib.pbkdf2_hmac(name, b'password', bytes(range(32)), 7, 40) */
	static const struct {
		const char *hash, *begin;
	} cases[] = {
	    {"sha1", "a36d89027c263af878a43afd2747d91234b105eed3a1621606b0418a008806c8cc6d1c158e82460a"},
	    {"sha256", "a0d4d89e4246e72fb385b4d0df1079bea586fcbbffe75e7babd979bab77ba6d95afa3df355802914"},
	    {"sha512", "0ca3e5effabd81837c10d3eadb3518468ef109831ecd580a2ac1f2d6959731c8eb054f019df03f4c"},
	};
	uint8_t salt[LUKS_SALT], out[40];

	for (int i = 0; i < LUKS_SALT; i++)
		salt[i] = (uint8_t)i;
	for (size_t n = 0; n < ARRAY_LEN(cases); n++) {
		char hex[81];

		luks_pbkdf2(crypt_hash_named(cases[n].hash), (const uint8_t *)"password", 8, salt, 7, out, sizeof(out));
		for (size_t i = 0; i < sizeof(out); i++)
			snprintf(hex + 2 * i, 3, "%02x", out[i]);
		ok(!strcmp(hex, cases[n].begin), "PBKDF2 with %s", cases[n].hash);
	}
}

/* IEEE 1619, annex B, vector 4: 512 bytes 0, 1, 2, ... of data unit 0. */
static void
test_xts(void)
{
	static const uint8_t key[32] = {0x27, 0x18, 0x28, 0x18, 0x28, 0x45, 0x90, 0x45, 0x23, 0x53, 0x60, 0x28, 0x74, 0x71, 0x35, 0x26,
	    0x31, 0x41, 0x59, 0x26, 0x53, 0x58, 0x97, 0x93, 0x23, 0x84, 0x62, 0x64, 0x33, 0x83, 0x27, 0x95};
	static const uint8_t begin[4] = {0x27, 0xa7, 0x47, 0x9b}, last[4] = {0x31, 0x9d, 0x05, 0x68};
	struct crypt_keyed k;
	uint8_t buf[512];
	bool same = true;

	for (int i = 0; i < 512; i++)
		buf[i] = (uint8_t)i;
	ok(crypt_key(&k, crypt_cipher_named("aes-128"), MODE_XTS, IV_PLAIN64, NULL, key), "a key of AES-128 for XTS");
	crypt_sectors(&k, true, 0, buf, sizeof(buf));
	ok(!memcmp(buf, begin, 4) && !memcmp(buf + 508, last, 4), "XTS begins and ends as IEEE 1619 has it");
	crypt_sectors(&k, false, 0, buf, sizeof(buf));
	for (int i = 0; i < 512; i++)
		same = same && buf[i] == (uint8_t)i;
	ok(same, "and back");
	crypt_forget(&k);
}

/* A header of these settings in a file: its length, or 0. */
static uint64_t
make(struct file *f, const char *const *words, size_t n, const char *secret)
{
	static const struct image_option options[] = {CRYPT_OPTIONS};
	struct image_setting s[8] = {0};
	struct image_create c = {.file = f, .settings = s, .secret = (const uint8_t *)secret, .secret_len = strlen(secret)};
	struct crypt_new new;

	for (size_t i = 0; i < n; i++)
		for (size_t o = 0; o < ARRAY_LEN(options); o++)
			if (!strcmp(options[o].name, words[2 * i]))
				s[c.nsettings++] = (struct image_setting){&options[o], words[2 * i + 1], 0};
	for (size_t o = 0; o < ARRAY_LEN(options); o++)
		if (!strcmp(options[o].name, "encrypt.iter-time"))
			s[c.nsettings++] = (struct image_setting){&options[o], "1", FAST};
	if (crypt_new(&new, &c, &w) || new.method != 2 || crypt_create(&new, &c, HEADER_AT, &w))
		return 0;
	return new.header_len;
}

static struct crypt *
open_with(struct file *f, uint64_t len, const char *secret, unsigned flags)
{
	struct image_open how = {.file = f, .flags = flags, .secret = (const uint8_t *)secret, .secret_len = secret ? strlen(secret) : 0};

	return crypt_open_luks(&how, HEADER_AT, len, &w);
}

static bool
opens(struct file *f, uint64_t len, const char *secret)
{
	struct crypt *c = open_with(f, len, secret, 0);

	crypt_close(c);
	return c;
}

static void
test_combinations(void)
{
	static const char *const all[][8] = {
	    {"encrypt.format", "luks"},
	    {"encrypt.format", "luks", "encrypt.cipher-alg", "aes-192", "encrypt.cipher-mode", "cbc", "encrypt.ivgen-alg", "plain"},
	    {"encrypt.format", "luks", "encrypt.cipher-alg", "cast5-128", "encrypt.cipher-mode", "cbc", "encrypt.hash-alg", "sha1"},
	    {"encrypt.format", "luks", "encrypt.cipher-alg", "serpent-256", "encrypt.hash-alg", "ripemd160", "encrypt.cipher-mode", "ctr"},
	    {"encrypt.format", "luks", "encrypt.cipher-alg", "twofish-256", "encrypt.ivgen-alg", "essiv", "encrypt.cipher-mode", "cbc"},
	    {"encrypt.format", "luks", "encrypt.hash-alg", "sha512", "encrypt.cipher-mode", "ecb", "encrypt.ivgen-hash-alg", "sha1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct file *f = memory();
		size_t n = 0;
		uint64_t len;

		while (n < 4 && all[i][2 * n])
			n++;
		len = make(f, all[i], n, "right");
		ok(len && f->size == HEADER_AT + len, "combination %zu is made: %s", i, len ? "" : w.text);
		ok(opens(f, len, "right"), "combination %zu is opened", i);
		ok(!opens(f, len, "wrong") && !strcmp(w.text, "the passphrase opens no key slot"), "not by another passphrase: %s", w.text);
		file_close(f);
	}
}

static void
test_refused(void)
{
	static const char *const all[][8] = {
	    {"encrypt.format", "zip"},
	    {"encrypt.cipher-alg", "aes-256"},
	    {"encrypt.format", "luks", "encrypt.cipher-alg", "des"},
	    {"encrypt.format", "luks", "encrypt.cipher-mode", "gcm"},
	    {"encrypt.format", "luks", "encrypt.ivgen-alg", "random"},
	    {"encrypt.format", "luks", "encrypt.hash-alg", "crc32"},
	    {"encrypt.format", "luks", "encrypt.cipher-alg", "cast5-128"},
	    {"encrypt.format", "luks", "encrypt.cipher-alg", "aes-256", "encrypt.ivgen-alg", "essiv", "encrypt.ivgen-hash-alg", "sha1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct file *f = memory();
		size_t n = 0;

		while (n < 4 && all[i][2 * n])
			n++;
		ok(!make(f, all[i], n, "right") && w.text[0], "refused: %s", w.text);
		file_close(f);
	}
}

static void
test_slots(void)
{
	static const char *const words[] = {"encrypt.format", "luks"};
	struct file *f = memory();
	uint64_t len = make(f, words, 1, "one");
	struct crypt *c = open_with(f, len, "one", IMAGE_WRITE);
	struct crypt_amend add = {.active = true, .slot = -1, .new_secret = (const uint8_t *)"two", .new_len = 3, .iter_time = FAST};
	struct crypt_amend del = {.slot = -1, .old_secret = (const uint8_t *)"one", .old_len = 3};

	ok(!crypt_amend(c, &add, &w) && c->luks.slots[1].active && opens(f, len, "two") && opens(f, len, "one"), "a second passphrase");
	add.slot = 1;
	ok(crypt_amend(c, &add, &w), "a slot in use is not overwritten: %s", w.text);
	add.slot = 7;
	ok(!crypt_amend(c, &add, &w) && c->luks.slots[7].active, "a slot of one's choice");
	add.slot = 8;
	ok(crypt_amend(c, &add, &w), "there is no slot 8: %s", w.text);
	ok(!crypt_amend(c, &del, &w) && !opens(f, len, "one") && opens(f, len, "two"), "the first is taken away");
	ok(crypt_amend(c, &del, &w), "and is not there any more: %s", w.text);
	del.old_secret = (const uint8_t *)"two";
	ok(crypt_amend(c, &del, &w) && opens(f, len, "two"), "the last one stays: %s", w.text);
	del.slot = 7;
	ok(!crypt_amend(c, &del, &w) && c->luks.slots[1].active && !c->luks.slots[7].active, "one slot of a passphrase");
	del.slot = 3;
	ok(crypt_amend(c, &del, &w), "a free slot is not erased: %s", w.text);
	del = (struct crypt_amend){.slot = 1};
	ok(crypt_amend(c, &del, &w), "the last slot by its number: %s", w.text);
	del.force = true;
	ok(!crypt_amend(c, &del, &w) && !opens(f, len, "two"), "by force it goes too");
	crypt_close(c);
	file_close(f);
}

static void
test_keyless(void)
{
	static const char *const words[] = {"encrypt.format", "luks"};
	struct file *f = memory();
	uint64_t len = make(f, words, 1, "one");
	struct crypt *c = open_with(f, len, NULL, IMAGE_INFO);
	uint8_t buf[CRYPT_SECTOR] = {0};

	ok(c && crypt_decrypt(c, 0, 0, buf, sizeof(buf)) == -EACCES, "described without a passphrase, not read");
	crypt_close(c);
	ok(!open_with(f, len, NULL, 0), "not opened without one: %s", w.text);
	file_close(f);
}

/* Bytes of a header that cannot be, at their places. */
static void
test_hostile(void)
{
	static const struct {
		const char *what;
		uint16_t at;
		uint32_t value;
	} bad[] = {
	    {"magic", 0, 0},
	    {"version 2", 4, 0xbabe0002},
	    {"cipher", 8, 0x66666666},
	    {"cipher without an end", 36, 0xffffffff},
	    {"mode", 40, 0x66666666},
	    {"hash", 72, 0x66666666},
	    {"no room before the data", 104, 4},
	    {"key of 0 bytes", 108, 0},
	    {"key of 4 GiB", 108, UINT32_MAX},
	    {"key of 65 bytes", 108, 65},
	    {"no iterations", 164, 0},
	    {"iterations of the master key", 164, UINT32_MAX},
	    {"state of a slot", 208, 1},
	    {"no iterations of a slot", 212, 0},
	    {"iterations of a slot", 212, UINT32_MAX},
	    {"slot over the header", 248, 1},
	    {"slot past the data", 248, UINT32_MAX},
	    {"slots on each other", 248, 600},
	    {"stripes", 252, 1},
	    {"stripes without end", 252, UINT32_MAX},
	};
	static const char *const words[] = {"encrypt.format", "luks"};
	struct file *f = memory();
	uint64_t len = make(f, words, 1, "one");
	uint8_t good[4], value[4];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		file_read(f, good, 4, HEADER_AT + bad[i].at);
		put_be32(value, bad[i].value);
		file_write(f, value, 4, HEADER_AT + bad[i].at);
		ok(!opens(f, len, "one") && strcmp(w.text, "the passphrase opens no key slot"), "%s: %s", bad[i].what, w.text);
		file_write(f, good, 4, HEADER_AT + bad[i].at);
	}
	ok(!opens(f, len - 4096, "one"), "an area that is too short: %s", w.text);
	ok(!opens(f, 100, "one"), "half a header: %s", w.text);
	ok(opens(f, len, "one"), "the good one still opens");
	file_close(f);
}

/* What was written at any place is there, and nothing else has changed. */
static void
test_write(void)
{
	enum { SIZE = 700 << 10 };
	static uint8_t model[SIZE], back[SIZE], junk[SIZE];
	struct image_open how = {.secret = (const uint8_t *)"old", .secret_len = 3};
	struct file *f = memory();
	struct crypt *c = crypt_open_aes(&how, &w);
	uint32_t seed = 1;
	bool same = true;

	memset(model, 0, sizeof(model));
	ok(!crypt_write(c, f, model, SIZE, 0, 1 << 20), "all of it");
	for (int n = 0; n < 200 && same; n++) {
		seed = seed * 1664525 + 1013904223;
		size_t at = (seed >> 8) % SIZE, len = (n % 7 ? seed >> 20 : seed >> 10) % (SIZE - at);

		memset(junk, n, len);
		memcpy(model + at, junk, len);
		same = !crypt_write(c, f, junk, len, at, at + (1 << 20)) && !file_read(f, back, SIZE, 0) &&
		       !crypt_decrypt(c, 0, 1 << 20, back, SIZE) && !memcmp(model, back, SIZE);
	}
	ok(same, "writes of any place and length");
	ok(f->size == SIZE, "the file is as long as the data");
	crypt_close(c);
	file_close(f);
}

int
main(void)
{
	test_pbkdf2();
	test_xts();
	test_combinations();
	test_refused();
	test_slots();
	test_keyless();
	test_hostile();
	test_write();
	return tap_done();
}
