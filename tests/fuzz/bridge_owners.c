/* SPDX-License-Identifier: ISC */
/* Files of NetworkManager and systemd-networkd, and words of processes, which anybody may choose. */
/* links: vm-bridge/owners.c */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vm-bridge/owners.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of its very size, so that a read behind the end is seen. */
	char *text = malloc(size ? size : 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	owners_read_nm(text, size);
	owners_read_networkd(text, size);
	owners_is_dhcp_client(text, size, "eth0");
	free(text);
	return 0;
}
