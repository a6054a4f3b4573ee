/* SPDX-License-Identifier: ISC */
/* What the files of others say about who keeps an interface's addresses, and what a bridge's alias says. */
/* links: vm-bridge/owners.c */
#include <string.h>

#include "tests/unit/tap.h"
#include "vm-bridge/owners.h"

static bool
nm(const char *text)
{
	return owners_read_nm(text, strlen(text));
}

static bool
networkd(const char *text)
{
	return owners_read_networkd(text, strlen(text));
}

#define CLIENT(words, nic) owners_is_dhcp_client(words, sizeof(words), nic)

int
main(void)
{
	ok(nm("[device]\nmanaged=true\nconnection-uuid=1\n"), "NetworkManager manages it");
	ok(nm("managed=true"), "without a newline at the end");
	ok(!nm("[device]\nmanaged=false\n") && !nm("") && !nm("\n\n"), "NetworkManager does not");
	ok(!nm("unmanaged=true\n") && !nm("managed=true-ish\n") && !nm("x managed=true\n") && !nm("managed\n"), "words that only look like it");

	ok(networkd("# This is private data.\nADMIN_STATE=configured\nOPER_STATE=routable\n"), "networkd has configured it");
	ok(networkd("ADMIN_STATE=pending\n"), "or is about to");
	ok(!networkd("ADMIN_STATE=unmanaged\n") && !networkd("ADMIN_STATE=linger\n"), "networkd leaves it alone");
	ok(!networkd("") && !networkd("OPER_STATE=routable\n"), "networkd says nothing");

	ok(CLIENT("/sbin/dhclient\0-4\0-v\0eth0", "eth0"), "dhclient");
	ok(CLIENT("busybox\0udhcpc\0-i\0eth0", "eth0"), "busybox udhcpc");
	ok(CLIENT("dhcpcd: [manager] eth0 [ip4]", "eth0"), "dhcpcd");
	ok(!CLIENT("/sbin/dhclient\0eth1", "eth0"), "of another interface");
	ok(!CLIENT("/sbin/dhclient\0eth0.100", "eth0"), "of one whose name begins so");
	ok(!CLIENT("sh\0-x\0/sbin/dhclient-script\0eth0", "eth0") && !CLIENT("ip\0addr\0dhclient\0eth0", "eth0"), "others");
	ok(!owners_is_dhcp_client("", 0, "eth0") && !owners_is_dhcp_client("dhclient", 8, "eth0"), "no words, one word");
	return tap_done();
}
