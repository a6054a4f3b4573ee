/* SPDX-License-Identifier: ISC */
/* Ranges and guests from their words; the contracts are in pool.h. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/num.h"
#include "vm-dhcpd/name.h"
#include "vm-dhcpd/pool.h"

/* Up to len bytes of a word are an IPv4 address. */
static bool
parse_addr(const char *word, size_t len, uint32_t *addr)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr in;

	if (len >= sizeof(text))
		return false;
	memcpy(text, word, len);
	text[len] = '\0';
	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*addr = ntohl(in.s_addr);
	return true;
}

static const char *
add_range(struct pool *p, const char *word)
{
	size_t first = strcspn(word, "-/"), last;
	const char *rest = word + first;
	struct range r = {0};
	uint64_t n;

	if (!strcmp(word, "none")) {
		p->none = true;
		return NULL;
	}
	if (p->nranges == RANGES_MAX)
		return "more ranges than there is room for";
	if (!parse_addr(word, first, &r.first))
		return "not ADDRESS-ADDRESS, ADDRESS or none";
	r.last = r.first;
	if (*rest == '-') {
		last = strcspn(++rest, "/");
		if (!parse_addr(rest, last, &r.last))
			return "not ADDRESS-ADDRESS, ADDRESS or none";
		rest += last;
	}
	if (*rest && !num_parse(rest + 1, 8, 30, &n))
		return "not a prefix length from 8 to 30";
	r.prefix_len = *rest ? (unsigned)n : 0;
	if (r.last < r.first)
		return "its last address is before the first";
	if (r.prefix_len && (r.first ^ r.last) >> (32 - r.prefix_len))
		return "not within one network";
	for (size_t i = 0; i < p->nranges; i++)
		if (r.first <= p->ranges[i].last && r.last >= p->ranges[i].first)
			return "overlaps an earlier range";
	p->ranges[p->nranges++] = r;
	return NULL;
}

/* Who: "52:54:00:12:34:56", "id:HEX", or a name. */
static const char *
parse_who(struct guest *g, const char *word, size_t len)
{
	char text[ID_MAX + 1];
	ssize_t n;

	if (len > 3 && !strncmp(word, "id:", 3)) {
		n = hex_parse(word + 3, len - 3, g->id, sizeof(g->id));
		g->by = GUEST_BY_ID;
		g->id_len = (size_t)n;
		return n > 0 ? NULL : "id: not a client identifier in hexadecimal, of 1 to 64 bytes";
	}
	if (!len || len > NAME_MAX_LEN)
		return "not GUEST=ADDRESS[,NAME]";
	memcpy(text, word, len);
	text[len] = '\0';
	if (mac_parse(text, g->id)) {
		g->by = GUEST_BY_MAC;
		g->id_len = 6;
		return NULL;
	}
	g->by = GUEST_BY_NAME;
	g->id_len = name_clean((char *)g->id, word, len);
	return g->id_len == len ? NULL : "the guest is no MAC address, id:HEX or name";
}

static bool
same_guest(const struct guest *a, const struct guest *b)
{
	return a->addr == b->addr || (a->by == b->by && a->id_len == b->id_len && !memcmp(a->id, b->id, a->id_len));
}

static const char *
add_guest(struct pool *p, const char *word)
{
	const char *eq = strrchr(word, '='), *comma, *why;
	char name[NAME_MAX_LEN + 1];
	struct guest g = {0};

	why = parse_who(&g, word, (size_t)(eq - word));
	if (why)
		return why;
	comma = strchr(eq, ',');
	if (!parse_addr(eq + 1, comma ? (size_t)(comma - eq - 1) : strlen(eq + 1), &g.addr))
		return "not an IPv4 address";
	if (comma && (strlen(comma + 1) > NAME_MAX_LEN || name_clean(name, comma + 1, strlen(comma + 1)) != strlen(comma + 1)))
		return "not a host's name";
	g.name = comma ? comma + 1 : NULL;
	for (size_t i = 0; i < p->nguests; i++)
		if (same_guest(&g, &p->guests[i]))
			return "this guest or address was given before";
	if (p->nguests == GUESTS_MAX)
		return "more of them than there is room for";
	p->guests = reallocarray(p->guests, p->nguests + 1, sizeof(g));
	if (!p->guests)
		die("out of memory");
	p->guests[p->nguests++] = g;
	return NULL;
}

const char *
pool_add(struct pool *p, const char *word)
{
	return strchr(word, '=') ? add_guest(p, word) : add_range(p, word);
}
