/* SPDX-License-Identifier: ISC */
/* Any bytes as a lease log: lines that are taken are written again as the same line, and the table of leases holds. */
/* links: vm-dhcpd/record.c vm-dhcpd/name.c vm-dhcpd/journal.c vm-dhcpd/lease.c */
#include <stdlib.h>
#include <string.h>

#include "vm-dhcpd/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t
sum(const char *p, size_t len)
{
	uint32_t crc = UINT32_MAX;

	while (len--) {
		crc ^= (uint8_t)*p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* No search finds a sum: each line is given its own. */
static void
take(struct journal *j, const char *text, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char line[RECORD_MAX], again[RECORD_MAX];
	struct record r, same;
	uint32_t crc;

	if (len + 9 > sizeof(line))
		return;
	memcpy(line, text, len);
	crc = sum(line, len);
	for (int i = 0; i < 8; i++)
		line[len + (size_t)i] = digits[crc >> (28 - 4 * i) & 15];
	if (!record_parse(&r, line, len + 8))
		return;
	len = record_format(&r, again);
	if (again[len - 1] != '\n' || !record_parse(&same, again, len - 1) || memcmp(&r, &same, sizeof(r)))
		abort();
	if (r.what != RECORD_END)
		journal_replay(j, &r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal j;
	struct record r;
	const char *p = (const char *)data, *newline;
	struct lease *l;

	record_parse(&r, p, size);
	journal_init(&j);
	for (; (newline = memchr(p, '\n', size)); size -= (size_t)(newline + 1 - p), p = newline + 1)
		take(&j, p, (size_t)(newline - p));
	while ((l = lease_over(&j.leases, LEASE_NEVER - 1)))
		lease_delete(&j.leases, l);
	leases_done(&j.leases);
	return 0;
}
