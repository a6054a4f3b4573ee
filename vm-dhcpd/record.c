/* SPDX-License-Identifier: ISC */
/* Lines of a lease log; the contracts are in record.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "common/util.h"
#include "vm-dhcpd/name.h"
#include "vm-dhcpd/record.h"

#define SUM_DIGITS 8
#define FIELDS 6

static const char *const words[] = {[RECORD_BOUND] = "bound", [RECORD_PAST] = "past", [RECORD_ASIDE] = "aside", [RECORD_END] = "end"};

/* CRC-32 as of Ethernet: every error of up to three bits, and every burst of up to 32, is found. */
static uint32_t
sum(const char *p, size_t len)
{
	static const uint32_t step[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158,
	    0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	uint32_t crc = UINT32_MAX;

	while (len--) {
		crc ^= (uint8_t)*p++;
		crc = step[crc & 15] ^ crc >> 4;
		crc = step[crc & 15] ^ crc >> 4;
	}
	return ~crc;
}

size_t
record_format(const struct record *r, char line[RECORD_MAX])
{
	const struct in_addr in = {.s_addr = htonl(r->addr)};
	char addr[INET_ADDRSTRLEN], until[24] = "never", id[2 * ID_MAX + 1] = "-";
	size_t len;

	inet_ntop(AF_INET, &in, addr, sizeof(addr));
	if (r->until != INT64_MAX)
		snprintf(until, sizeof(until), "%lld", (long long)r->until);
	for (size_t i = 0; i < r->id_len; i++)
		snprintf(id + 2 * i, 3, "%02x", r->id[i]);
	len = (size_t)snprintf(line, RECORD_MAX, "%s\t%s\t" MAC_FORMAT "\t%s\t%s\t%s\t", words[r->what], addr, MAC_ARGS(r->mac), until, *r->name ? r->name : "-", id);
	return len + (size_t)snprintf(line + len, RECORD_MAX - len, "%08x\n", sum(line, len));
}

/* Cuts a line into its fields. */
static bool
cut(char *line, char *field[FIELDS])
{
	for (int i = 0; i < FIELDS; i++) {
		field[i] = line;
		line = strchr(line, '\t');
		if (!line)
			return false;
		*line++ = '\0';
	}
	return !*line;
}

static bool
take_word(struct record *r, const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(word, words[i])) {
			r->what = (enum record_what)i;
			return true;
		}
	return false;
}

static bool
take_until(struct record *r, const char *word)
{
	uint64_t n;

	if (!strcmp(word, "never")) {
		r->until = INT64_MAX;
		return true;
	}
	if (!num_parse(word, 0, INT64_MAX - 1, &n))
		return false;
	r->until = (int64_t)n;
	return true;
}

static bool
take_name(struct record *r, const char *word)
{
	return !strcmp(word, "-") || (strlen(word) <= NAME_MAX_LEN && name_clean(r->name, word, strlen(word)) == strlen(word));
}

static bool
take_id(struct record *r, const char *word)
{
	ssize_t n = strcmp(word, "-") ? hex_parse(word, strlen(word), r->id, sizeof(r->id)) : 0;

	r->id_len = n > 0 ? (uint8_t)n : 0;
	return n >= 0;
}

bool
record_parse(struct record *r, const char *p, size_t len)
{
	char line[RECORD_MAX], *field[FIELDS], digits[SUM_DIGITS + 1];
	struct in_addr in;

	if (len <= SUM_DIGITS || len >= RECORD_MAX || memchr(p, '\0', len))
		return false;
	len -= SUM_DIGITS;
	snprintf(digits, sizeof(digits), "%08x", sum(p, len));
	if (memcmp(digits, p + len, SUM_DIGITS))
		return false;
	memcpy(line, p, len);
	line[len] = '\0';
	*r = (struct record){0};
	if (!cut(line, field) || !take_word(r, field[0]) || inet_pton(AF_INET, field[1], &in) != 1)
		return false;
	r->addr = ntohl(in.s_addr);
	return (mac_parse(field[2], r->mac) || !strcmp(field[2], "00:00:00:00:00:00")) && take_until(r, field[3]) &&
	       take_name(r, field[4]) && take_id(r, field[5]);
}
