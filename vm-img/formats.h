/* SPDX-License-Identifier: ISC */
/* The formats that vm-img knows. */
#ifndef VM_IMG_FORMATS_H
#define VM_IMG_FORMATS_H

#include "common/image/formats.h"

/* All, NULL at the end. */
extern const struct format *const formats[];

/* By qemu-img's name; host_device and file are raw. NULL: unknown. */
const struct format *format_find(const char *name);

/* What a file looks like: raw if like nothing else. NULL, with the reason, where it cannot be read. */
const struct format *format_probe(struct file *f, struct why *w);

#endif
