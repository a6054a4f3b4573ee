/* SPDX-License-Identifier: ISC */
/* The picture as a file. */
#ifndef VM_VNC_SCREENSHOT_H
#define VM_VNC_SCREENSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "common/fb.h"

enum screenshot_form {
	SCREENSHOT_PNG,
	SCREENSHOT_PPM,
};

/* PNG, unless the file's name ends in .ppm. */
enum screenshot_form screenshot_form(const char *path);

/* As a display on the wire `machine`: waits for a picture and writes it to fd. The status of its process: 0, or 1 having said why. */
int screenshot_write(int machine, int fd, enum screenshot_form form);

/* The same to a file, which has that name once it is whole. */
int screenshot_save(int machine, const char *path);

/* Pixels 0x00RRGGBB, rows stride bytes apart, as PNG (ISO 15948) or PPM. 0, or -1 with errno. */
int png_write(int fd, const uint8_t *pixels, unsigned width, unsigned height, size_t stride);
int ppm_write(int fd, const uint8_t *pixels, unsigned width, unsigned height, size_t stride);

#endif
