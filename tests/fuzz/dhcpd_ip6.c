/* SPDX-License-Identifier: ISC */
/* links: vm-dhcpd/ra_packet.c vm-dhcpd/dhcp6_packet.c vm-dhcpd/pxe.c */
/* Router solicitations and DHCPv6 messages of any bytes: no answer, or one whose options add up. */
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "vm-dhcpd/dhcp6_packet.h"
#include "vm-dhcpd/ra_packet.h"

static void
must(int held)
{
	if (!held)
		abort();
}

static void
check(const uint8_t *reply, size_t len, const uint8_t *request)
{
	must(len >= 4 && len <= DHCP6_PACKET_MAX && reply[0] == 7 && !memcmp(reply + 1, request + 1, 3));
	for (size_t at = 4; at < len; at += 4 + get_be16(reply + at + 2))
		must(len - at >= 4 && get_be16(reply + at + 2) <= len - at - 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct in6_addr some[2] = {IN6ADDR_LOOPBACK_INIT, IN6ADDR_LOOPBACK_INIT};
	static struct pxe pxe;
	struct dhcp6 d = {.dns = some, .ndns = 2, .ntp = some, .nntp = 2, .search = (const uint8_t *)"\1a", .search_len = 3, .pxe = &pxe,
	    .host = IN6ADDR_LOOPBACK_INIT};
	uint8_t out[DHCP6_PACKET_MAX], *packet = malloc(size + !size);
	size_t len;

	if (!pxe.nfiles) {
		pxe_add(&pxe, "x64=file");
		pxe_add(&pxe, "ipxe=http://h/s");
		pxe_add(&pxe, "file");
	}
	dhcp6_make_duid(d.duid, (const uint8_t[]){2, 0, 0, 0, 0, 1});
	memcpy(packet, data, size);
	ra_is_solicitation(packet, size, &some[0], 255);
	ra_is_solicitation(packet, size, &in6addr_any, 255);
	len = dhcp6_answer(out, &d, packet, size);
	if (len)
		check(out, len, packet);
	free(packet);
	return 0;
}
