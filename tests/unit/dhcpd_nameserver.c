/* SPDX-License-Identifier: ISC */
/* links: vm-dhcpd/nameserver.c */
/* Name servers out of resolv.conf. */
#include <arpa/inet.h>

#include "tests/unit/tap.h"
#include "vm-dhcpd/nameserver.h"

static void
finds(const char *text, const char *want)
{
	struct nameservers n = {.stub = false};
	char got[512] = "", address[INET6_ADDRSTRLEN];

	nameservers_parse(&n, text);
	for (size_t i = 0; i < n.nin; i++)
		strcat(strcat(got, inet_ntop(AF_INET, &n.in[i], address, sizeof(address))), " ");
	for (size_t i = 0; i < n.nin6; i++)
		strcat(strcat(got, inet_ntop(AF_INET6, &n.in6[i], address, sizeof(address))), " ");
	strcat(got, n.stub ? "stub" : "");
	is(got, want, want);
}

int
main(void)
{
	finds("", "");
	finds("nameserver 192.0.2.1", "192.0.2.1 ");
	finds("# x\nsearch a.b\n \tnameserver\t192.0.2.1 # y\r\nnameserver 2001:db8::1;z\n", "192.0.2.1 2001:db8::1 ");
	finds("nameserver 127.0.0.53\noptions edns0", "stub");
	finds("nameserver ::1\nnameserver 192.0.2.1\n", "192.0.2.1 stub");
	finds("nameserver 0.0.0.0\nnameserver ::\n", "stub");
	finds("nameserver fe80::1%eth0\nnameserver fe80::2\n", "");
	finds("nameserver192.0.2.1\nnameserver\nnameserver x\nnameserver 1.2.3.4.5\n#nameserver 192.0.2.1\n", "");
	finds("nameserver 192.0.2.1\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n", "192.0.2.1 192.0.2.2 ");
	finds("nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n", "192.0.2.1 192.0.2.2 192.0.2.3 ");
	finds("nameserver 2001:db8:0000:0000:0000:0000:0000:0001000000000000000000000000000000000000000\n", "");
	return tap_done();
}
