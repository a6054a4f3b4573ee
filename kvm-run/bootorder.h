/* SPDX-License-Identifier: ISC */
/* -B: which devices firmware tries to boot from, and what it shows before. */
#ifndef KVM_RUN_BOOTORDER_H
#define KVM_RUN_BOOTORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;
struct wires;

#define BOOT_WORDS_MAX 16
#define BOOT_WORD_MAX 32
#define BOOT_UNSET UINT32_MAX

struct boot_words {
	char word[BOOT_WORDS_MAX][BOOT_WORD_MAX]; /* disk, cdrom, net or a wire's id */
	size_t n;
};

struct boot_options {
	bool given;
	struct boot_words order, once; /* once: of the first boot */
	bool only;		       /* nothing that was not named */
	uint32_t menu_ms;	       /* how long the menu is offered, or BOOT_UNSET: it is not */
	uint32_t fail_ms;	       /* after how long to start over when nothing booted, or BOOT_UNSET: the firmware decides */
	enum { BOOT_SERIAL_AUTO, BOOT_SERIAL_ON, BOOT_SERIAL_OFF } serial;
};

#define BOOT_OPTIONS_NONE ((struct boot_options){.menu_ms = BOOT_UNSET, .fail_ms = BOOT_UNSET})

/* Adds one argument of -B. NULL, or what is wrong with it in why. `words` is read only. */
const char *bootorder_parse(struct boot_options *b, const char *words, char *why, size_t size);

/* Faults of words that name no device of the wires; printed and counted there. */
void bootorder_check(const struct boot_options *b, struct wires *ws);

/*
 * The firmware's list of devices, a line each with its NUL at the end, in OpenFirmware's way of naming them: what -B has
 * named, then, unless `only`, the rest: disks, CD drives, networks, each in the order of the wires. Returns its size, or 0
 * if it is larger.
 */
size_t bootorder_write(const struct vm *vm, bool first, char *to, size_t size);

#endif
