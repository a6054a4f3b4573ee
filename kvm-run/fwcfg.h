/* SPDX-License-Identifier: ISC */
/*
 * The firmware configuration device, as QEMU's docs/specs/fw_cfg.rst has it: numbered items, of which most are files of a
 * directory, read byte by byte at a port or by DMA. Read-only.
 */
#ifndef KVM_RUN_FWCFG_H
#define KVM_RUN_FWCFG_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

#define FWCFG_PORT 0x510
#define FWCFG_PORTS 12
#define FWCFG_FILES_MAX 24
#define FWCFG_NUMBERS_MAX 16
#define FWCFG_NAME_MAX 56 /* with its NUL */

/* Numbers of items that are no files. */
enum {
	FWCFG_SIGNATURE = 0x00,
	FWCFG_ID = 0x01,
	FWCFG_UUID = 0x02,
	FWCFG_CPUS = 0x05,
	FWCFG_BOOT_MENU = 0x0e,
	FWCFG_CPUS_MAX = 0x0f,
	FWCFG_DIRECTORY = 0x19,
	FWCFG_FILE_FIRST = 0x20,
};

struct fwcfg_item {
	uint16_t key;
	uint32_t size;
	const void *data; /* NULL: `number` */
	uint32_t number;
};

/* A file in the directory, big endian. */
struct fwcfg_file {
	uint32_t size;
	uint16_t key, reserved;
	char name[FWCFG_NAME_MAX];
};

struct fwcfg {
	struct vm *vm;
	pthread_mutex_t lock; /* the three that follow */
	uint16_t selected;
	uint32_t offset; /* of the selected item's next byte */
	uint32_t dma_high;
	struct fwcfg_item items[FWCFG_NUMBERS_MAX + FWCFG_FILES_MAX];
	size_t nitems;
	struct {
		uint32_t count; /* big endian */
		struct fwcfg_file files[FWCFG_FILES_MAX];
	} directory;
};

/* Its ports on the vm's bus; no items yet. */
void fwcfg_init(struct fwcfg *f, struct vm *vm);

/* Nothing is selected, and all items are gone: to be added again. vCPUs are stopped. */
void fwcfg_reset(struct fwcfg *f);

/* Adds an item, little endian; the data stays the caller's and is not copied. Too many are a programming error (abort).
 * While the vCPUs are stopped. */
void fwcfg_add(struct fwcfg *f, uint16_t key, const void *data, size_t size);
void fwcfg_add_number(struct fwcfg *f, uint16_t key, uint32_t number, size_t size);

/* The same as a file. */
void fwcfg_add_file(struct fwcfg *f, const char *name, const void *data, size_t size);
void fwcfg_add_number_file(struct fwcfg *f, const char *name, uint32_t number);

#endif
