/* SPDX-License-Identifier: ISC */
/* -O from its words; the contracts are in setting.h. What the options say is in RFC 2132 unless another is named. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/num.h"
#include "common/util.h"
#include "vm-dhcpd/dname.h"
#include "vm-dhcpd/name.h"
#include "vm-dhcpd/setting.h"

#define VALUE_MAX 1024 /* of one option; a packet holds little more */

typedef const char *adder(struct setting *o, const char *word, size_t len);

static const char *
append(struct setting *o, const void *bytes, size_t len)
{
	if (o->len + len > VALUE_MAX)
		return "too long";
	o->bytes = realloc(o->bytes, o->len + len);
	if (!o->bytes)
		die("out of memory");
	memcpy(o->bytes + o->len, bytes, len);
	o->len += len;
	return NULL;
}

/* A piece of a word as text of its own. */
static bool
cut(char *text, size_t size, const char *word, size_t len)
{
	if (!len || len >= size)
		return false;
	memcpy(text, word, len);
	text[len] = '\0';
	return true;
}

static const char *
add_address(struct setting *o, const char *word, size_t len)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr in;

	if (!cut(text, sizeof(text), word, len) || inet_pton(AF_INET, text, &in) != 1)
		return "not an IPv4 address";
	return append(o, &in, 4);
}

static const char *
add_domain(struct setting *o, const char *word, size_t len)
{
	char text[DNAME_MAX];
	uint8_t name[DNAME_MAX];
	size_t n;

	n = cut(text, sizeof(text), word, len) ? dname_encode(text, name) : 0;
	return n ? append(o, name, n) : "not a domain";
}

static const char *
add_text(struct setting *o, const char *word, size_t len)
{
	return len ? append(o, word, len) : "empty";
}

static const char *
add_number(struct setting *o, const char *word, size_t len, size_t bytes)
{
	char text[16];
	uint64_t n, max = (UINT64_C(1) << 8 * bytes) - 1;
	uint32_t be;

	if (!cut(text, sizeof(text), word, len) || !num_parse(text, 0, max, &n))
		return "not a number, or too large";
	be = htonl((uint32_t)n);
	return append(o, (uint8_t *)&be + 4 - bytes, bytes);
}

static const char *
add_u8(struct setting *o, const char *word, size_t len)
{
	return add_number(o, word, len, 1);
}

static const char *
add_u32(struct setting *o, const char *word, size_t len)
{
	return add_number(o, word, len, 4);
}

/* A guest whose MTU is below what IPv4 demands would be cut off (RFC 2132, 5.1: at least 68). */
static const char *
add_mtu(struct setting *o, const char *word, size_t len)
{
	char text[16];
	uint64_t n;

	if (!cut(text, sizeof(text), word, len) || !num_parse(text, 68, 65535, &n))
		return "not a number from 68 to 65535";
	return add_number(o, word, len, 2);
}

/* DEST/LEN,GATEWAY as of RFC 3442: the length, as many bytes of the destination as matter, the gateway. */
static const char *
add_route(struct setting *o, const char *word, size_t len)
{
	char text[64], *slash, *comma;
	struct in_addr dest, gateway;
	uint8_t bytes[9];
	uint64_t n;
	size_t significant;

	if (!cut(text, sizeof(text), word, len) || !(slash = strchr(text, '/')) || !(comma = strchr(slash, ',')))
		return "not DESTINATION/LENGTH,GATEWAY";
	*slash = *comma = '\0';
	if (inet_pton(AF_INET, text, &dest) != 1 || inet_pton(AF_INET, comma + 1, &gateway) != 1 ||
	    !num_parse(slash + 1, 0, 32, &n))
		return "not DESTINATION/LENGTH,GATEWAY";
	if (n < 32 && ntohl(dest.s_addr) & (UINT32_MAX >> n))
		return "its destination has bits beyond the length";
	significant = (size_t)(n + 7) / 8;
	bytes[0] = (uint8_t)n;
	memcpy(bytes + 1, &dest, significant);
	memcpy(bytes + 1 + significant, &gateway, 4);
	return append(o, bytes, 1 + significant + 4);
}

/* Of a number of DHCP's: bytes in hexadecimal, or text:WORDS, or addr:A,B. */
static const char *
add_raw(struct setting *o, const char *word, size_t len)
{
	uint8_t bytes[VALUE_MAX];
	ssize_t n;

	if (len >= 5 && !strncmp(word, "text:", 5))
		return add_text(o, word + 5, len - 5);
	n = hex_parse(word, len, bytes, sizeof(bytes));
	return n > 0 ? append(o, bytes, (size_t)n) : "neither bytes in hexadecimal nor text:WORDS nor addr:ADDRESS";
}

/* Keys that stand for an option of DHCP. A list's values may be parted by commas, and come again. */
static const struct key {
	const char *name;
	uint8_t code;
	bool list;
	adder *add;
} keys[] = {
    {"router", 3, true, add_address},
    {"dns", 6, true, add_address},
    {"log", 7, true, add_address},
    {"hostname", 12, false, add_text},
    {"domain", 15, false, add_text},
    {"root", 17, false, add_text},
    {"mtu", 26, false, add_mtu},
    {"broadcast", 28, false, add_address},
    {"ntp", 42, true, add_address},
    {"wins", 44, true, add_address},
    {"nettype", 46, false, add_u8},
    {"tz", 100, false, add_text},	 /* RFC 4833: as POSIX has it */
    {"tzdb", 101, false, add_text},	 /* RFC 4833: its name in the data base */
    {"v6only", 108, false, add_u32},	 /* RFC 8925 */
    {"portal", 114, false, add_text},	 /* RFC 8910 */
    {"search", 119, true, add_domain},	 /* RFC 3397 */
    {"route", 121, false, add_route},	 /* RFC 3442 */
};

/* What the protocol itself is made of cannot be set by its number. */
static bool
is_own(uint64_t code)
{
	static const uint8_t own[] = {0, 1, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61, 80, 82, 255};

	return memchr(own, (int)code, sizeof(own));
}

static const char *
add_list(struct setting *o, adder *add, const char *word)
{
	for (;; word++) {
		size_t len = strcspn(word, ",");
		const char *why = add(o, word, len);

		if (why || !*(word += len))
			return why;
	}
}

static const char *
set_option(struct setting *o, const struct key *k, const char *value)
{
	bool again = o->given && k->code != 121 && !k->list;

	if (again)
		return "given before";
	o->given = true;
	if (!strcmp(value, "none"))
		return o->len ? "none of it, and something" : NULL;
	return k->list ? add_list(o, k->add, value) : k->add(o, value, strlen(value));
}

static const char *
set_raw(struct settings *s, uint64_t code, const char *value)
{
	struct key k = {.code = (uint8_t)code, .add = add_raw};

	if (is_own(code))
		return "this option is the server's own";
	if (!strncmp(value, "addr:", 5)) {
		k.list = true;
		k.add = add_address;
		value += 5;
	}
	return set_option(&s->option[code], &k, value);
}

static const char *
set_seconds(uint32_t *seconds, const char *value)
{
	uint64_t n;

	if (!strcmp(value, "infinite")) {
		*seconds = LEASE_INFINITE;
		return NULL;
	}
	if (!num_parse(value, 10, INT32_MAX, &n))
		return "not infinite, nor a number of seconds from 10";
	*seconds = (uint32_t)n;
	return NULL;
}

static const char *
set_flag(bool *flag, const char *value, const char *on, const char *off)
{
	if (strcmp(value, on) && strcmp(value, off))
		return "not a word it knows";
	*flag = !strcmp(value, on);
	return NULL;
}

static const char *
set_probe(struct settings *s, const char *value)
{
	uint64_t n;

	if (!num_parse(value, 0, 5000, &n))
		return "not a number of milliseconds from 0 to 5000";
	s->probe_ms = (unsigned)n;
	return NULL;
}

/* Keys of the server itself. False when it is none. */
static bool
set_behaviour(struct settings *s, const char *key, size_t len, const char *value, const char **why)
{
	static const char *const names[] = {"lease", "t1", "t2", "probe", "key", "nak", "rapid"};
	size_t i = 0;

	while (i < ARRAY_LEN(names) && (strlen(names[i]) != len || strncmp(names[i], key, len)))
		i++;
	switch (i) {
	case 0: *why = set_seconds(&s->lease, value); break;
	case 1: *why = set_seconds(&s->t1, value); break;
	case 2: *why = set_seconds(&s->t2, value); break;
	case 3: *why = set_probe(s, value); break;
	case 4: *why = set_flag(&s->by_id, value, "id", "mac"); break;
	case 5: *why = set_flag(&s->silent, value, "no", "yes"); break;
	case 6: *why = set_flag(&s->no_rapid, value, "no", "yes"); break;
	default: return false;
	}
	return true;
}

void
settings_init(struct settings *s)
{
	*s = (struct settings){.lease = 3600, .probe_ms = 100};
}

const char *
settings_add(struct settings *s, const char *word)
{
	size_t len = strcspn(word, "=");
	const char *value = word + len + 1, *why;
	char number[4];
	uint64_t code;

	if (!word[len] || !*value)
		return "not KEY=VALUE";
	if (set_behaviour(s, word, len, value, &why) || settings6_add(&s->v6, word, len, &why))
		return why;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (strlen(keys[i].name) == len && !strncmp(keys[i].name, word, len))
			return set_option(&s->option[keys[i].code], &keys[i], value);
	if (cut(number, sizeof(number), word, len) && num_parse(number, 0, 255, &code))
		return set_raw(s, code, value);
	return "unknown key";
}

static void
print_seconds(const char *name, uint32_t seconds)
{
	if (seconds == LEASE_INFINITE)
		printf("%s\tinfinite\n", name);
	else if (seconds)
		printf("%s\t%u\n", name, seconds);
}

void
settings_print(const struct settings *s)
{
	print_seconds("lease", s->lease);
	print_seconds("t1", s->t1);
	print_seconds("t2", s->t2);
	printf("probe\t%u\nkey\t%s\nnak\t%s\nrapid\t%s\n", s->probe_ms, s->by_id ? "id" : "mac", s->silent ? "no" : "yes",
	    s->no_rapid ? "no" : "yes");
	for (unsigned code = 0; code < 256; code++) {
		const struct setting *o = &s->option[code];

		if (!o->given)
			continue;
		printf("option\t%u\t", code);
		for (size_t i = 0; i < o->len; i++)
			printf("%02x", o->bytes[i]);
		printf("%s\n", o->len ? "" : "none");
	}
}
