/* SPDX-License-Identifier: ISC */
/* What our displays say of themselves: VESA E-EDID 1.4, one block. */
#ifndef KVM_RUN_EDID_H
#define KVM_RUN_EDID_H

#include <stdint.h>

#define EDID_SIZE 128

/* A display whose own size is width by height pixels, each at most 4095. */
void edid_make(uint8_t edid[EDID_SIZE], uint32_t width, uint32_t height);

#endif
