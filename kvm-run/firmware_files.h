/* SPDX-License-Identifier: ISC */
/* What firmware is told: the items and files of fw_cfg. */
#ifndef KVM_RUN_FIRMWARE_FILES_H
#define KVM_RUN_FIRMWARE_FILES_H

#include "kvm-run/acpi_loader.h"
#include "kvm-run/firmware.h"
#include "kvm-run/fwcfg.h"
#include "kvm-run/smbios.h"
#include "kvm-run/vm.h"

#define FIRMWARE_ORDER_MAX 4096

struct firmware_e820 {
	uint64_t addr, size;
	uint32_t type; /* 1 RAM, 2 reserved */
} __attribute__((packed));

struct firmware {
	int fd;
	void *rom;
	uint64_t size;
	bool booted; /* this is not the first time */
	void *splash;
	uint64_t splash_size;
	struct fwcfg cfg;
	struct acpi_files acpi;
	struct smbios smbios;
	struct firmware_e820 e820[2];
	uint64_t memory_end; /* little-endian */
	char order[FIRMWARE_ORDER_MAX];
};

/* All items, anew: vCPUs may have come or gone. NULL or the reason. */
const char *firmware_add_files(struct vm *vm, struct firmware *f);

#endif
