/* SPDX-License-Identifier: ISC */
/* DHCPv4. */
#include "vm-dhcpd/service.h"

static void
dhcp4_open(struct dhcpd *d)
{
	(void)d;
}

const struct service dhcp4_service = {.open = dhcp4_open};
