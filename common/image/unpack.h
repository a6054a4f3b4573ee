/* SPDX-License-Identifier: ISC */
/* Decompression of an image's units: one unpacker a thread, whose buffers and decoders are made when first needed. */
#ifndef COMMON_IMAGE_UNPACK_H
#define COMMON_IMAGE_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "common/image/image.h"

#define UNIT_MAX (64 << 20) /* no unit is longer, packed or not: what formats check */

struct unpacker *unpacker_new(void); /* NULL: out of memory */
void unpacker_free(struct unpacker *u);

/* Room for n bytes of packed data, good until the next call. NULL: out of memory. */
uint8_t *unpacker_room(struct unpacker *u, size_t n);

/* Exactly n_out bytes, or -EIO; input that is left over is passed over. -ENOMEM. */
int unpack_deflate(struct unpacker *u, const uint8_t *in, size_t n_in, void *out, size_t n_out); /* RFC 1951 */
int unpack_zlib(struct unpacker *u, const uint8_t *in, size_t n_in, void *out, size_t n_out);	 /* RFC 1950 */
int unpack_zstd(struct unpacker *u, const uint8_t *in, size_t n_in, void *out, size_t n_out);	 /* frames, RFC 8878 */

/* Bytes of a compressed extent's unit: whole ones straight into buf, parts by way of the unit that was unpacked last. */
int unpacker_load(struct unpacker *u, const struct extent *e, uint64_t skip, void *buf, size_t len);

/* The unit unpacked last may have changed. */
void unpacker_forget(struct unpacker *u);

/* The same of an encrypted extent: whole sectors straight into buf. */
int unpacker_decrypt(struct unpacker *u, const struct extent *e, uint64_t skip, void *buf, size_t len);

#endif
