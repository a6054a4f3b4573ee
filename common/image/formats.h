/* SPDX-License-Identifier: ISC */
/* The formats. A program links those that its own table names. */
#ifndef COMMON_IMAGE_FORMATS_H
#define COMMON_IMAGE_FORMATS_H

#include "common/image/image.h"

extern const struct format format_raw;
extern const struct format format_bochs;
extern const struct format format_cloop;
extern const struct format format_dmg;
extern const struct format format_parallels;
extern const struct format format_vdi;
extern const struct format format_qcow;
extern const struct format format_vmdk;
extern const struct format format_qcow2;
extern const struct format format_qed;
extern const struct format format_vhdx;
extern const struct format format_vpc;

#endif
