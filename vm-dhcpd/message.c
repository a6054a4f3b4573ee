/* SPDX-License-Identifier: ISC */
/* DHCP messages taken apart; the contracts are in message.h. */
#include <string.h>

#include "vm-dhcpd/message.h"

#define SNAME 44
#define FILE_FIELD 108
#define COOKIE 236
#define OVERLOAD_FILE 1
#define OVERLOAD_SNAME 2

static const uint8_t cookie[4] = {99, 130, 83, 99}; /* RFC 2131, 3 */

typedef void option_fn(struct message *m, uint8_t code, const uint8_t *bytes, uint8_t len);

/* The options of one field, up to its end. False when one reaches beyond it. */
static bool
each_option(struct message *m, const uint8_t *p, size_t len, option_fn *fn)
{
	for (size_t i = 0; i < len && p[i] != OPT_END;) {
		if (!p[i]) { /* padding */
			i++;
			continue;
		}
		if (len - i < 2 || len - i - 2 < p[i + 1])
			return false;
		fn(m, p[i], p + i + 2, p[i + 1]);
		i += 2u + p[i + 1];
	}
	return true;
}

/* First the lengths are summed up, at says that an option is there; then the pieces are laid one behind the other. */
static void
count_option(struct message *m, uint8_t code, const uint8_t *bytes, uint8_t len)
{
	if (code == OPT_OVERLOAD && len == 1)
		m->overload = *bytes;
	m->option[code].at = 1;
	m->option[code].len = (uint16_t)(m->option[code].len + len);
}

static void
copy_option(struct message *m, uint8_t code, const uint8_t *bytes, uint8_t len)
{
	memcpy(m->bytes + m->option[code].at + m->option[code].len, bytes, len);
	m->option[code].len = (uint16_t)(m->option[code].len + len);
}

static bool
each_field(struct message *m, const uint8_t *p, size_t len, option_fn *fn)
{
	return each_option(m, p + MESSAGE_MIN, len - MESSAGE_MIN, fn) &&
	       (!(m->overload & OVERLOAD_FILE) || each_option(m, p + FILE_FIELD, 128, fn)) &&
	       (!(m->overload & OVERLOAD_SNAME) || each_option(m, p + SNAME, 64, fn));
}

static bool
parse_options(struct message *m, const uint8_t *p, size_t len)
{
	uint16_t at = 1;

	m->overload = 0;
	memset(m->option, 0, sizeof(m->option));
	if (!each_field(m, p, len, count_option))
		return false;
	for (unsigned code = 0; code < 256; code++) {
		if (!m->option[code].at)
			continue;
		m->option[code].at = at;
		at = (uint16_t)(at + m->option[code].len);
		m->option[code].len = 0;
	}
	return each_field(m, p, len, copy_option);
}

bool
message_parse(struct message *m, const uint8_t *p, size_t len)
{
	const uint8_t *type;

	/* op 1: a request. A hardware address is at most 16 bytes. */
	if (len < MESSAGE_MIN || len > sizeof(m->bytes) - 1 || p[0] != 1 || p[2] > 16 || memcmp(p + COOKIE, cookie, 4))
		return false;
	m->htype = p[1];
	m->hlen = p[2];
	memcpy(m->xid, p + 4, 4);
	memcpy(m->secs, p + 8, 2);
	memcpy(m->flags, p + 10, 2);
	m->broadcast = p[10] & 0x80;
	memcpy(&m->ciaddr, p + 12, 4);
	memcpy(&m->giaddr, p + 24, 4);
	memcpy(m->chaddr, p + 28, 16);
	if (!parse_options(m, p, len))
		return false;
	type = message_option(m, OPT_TYPE, 1, NULL);
	m->type = type ? *type : 0;
	return type && m->type >= DHCP_DISCOVER && m->type <= DHCP_INFORM;
}

const uint8_t *
message_option(const struct message *m, unsigned code, size_t min, size_t *len)
{
	if (!m->option[code].at || m->option[code].len < min)
		return NULL;
	if (len)
		*len = m->option[code].len;
	return m->bytes + m->option[code].at;
}

struct in_addr
message_address(const struct message *m, unsigned code)
{
	struct in_addr addr = {0};
	size_t len;
	const uint8_t *p = message_option(m, code, 4, &len);

	if (p && len == 4)
		memcpy(&addr, p, 4);
	return addr;
}
