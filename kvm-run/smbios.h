/* SPDX-License-Identifier: ISC */
/* What the guest's administrator reads of the machine (dmidecode): SMBIOS 2.8 tables as files for firmware. */
#ifndef KVM_RUN_SMBIOS_H
#define KVM_RUN_SMBIOS_H

#include <stddef.h>
#include <stdint.h>

#define SMBIOS_FILE_ANCHOR "etc/smbios/smbios-anchor"
#define SMBIOS_FILE_TABLES "etc/smbios/smbios-tables"
#define SMBIOS_ANCHOR_SIZE 31

struct smbios {
	uint8_t anchor[SMBIOS_ANCHOR_SIZE];
	uint8_t uuid[16]; /* as in the tables */
	uint8_t tables[128];
	size_t tables_size;
};

/* System information; firmware adds itself, the tables' address and the checksums. The UUID is one for each seed. */
void smbios_make(struct smbios *s, uint64_t seed);

#endif
