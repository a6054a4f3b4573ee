/* SPDX-License-Identifier: ISC */
/*
 * The machine's end of an fb wire, see common/fb.h. A device that shows something (VGA, virtio-gpu) has a screen and
 * keeps its picture in a screen_memory; the screen tells the display of it, paced by what the display asks for, and never
 * waits for it. Everything here runs on the thread of vm->io, but for creating and destroying.
 */
#ifndef KVM_RUN_SCREEN_H
#define KVM_RUN_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fb.h"

struct screen;
struct vm;
struct wire;

struct screen_ops {
	/* A display waits for news: brings the picture in memory up to date, and says by screen_mode() and screen_damage() what
	 * has become of it. NULL: the device says so of its own accord. */
	void (*refresh)(void *dev);
	/* A display has begun to ask, or none has asked for some time. May be NULL. */
	void (*watched)(void *dev, bool on);
	/* A display would like this size. May be NULL. */
	void (*resize)(void *dev, uint32_t width, uint32_t height);
};

/* Memory that displays can map to read; it neither grows nor shrinks. */
struct screen_memory {
	int fd;
	uint8_t *map;
	size_t size;
};

/* size bytes, none of them taken from the host before it is written to. At set-up only. NULL or the reason. */
const char *screen_memory_create(struct screen_memory *m, size_t size);
void screen_memory_destroy(struct screen_memory *m);

/* The screen of a checked fb wire; it shows nothing yet. NULL and *out, or the reason. */
const char *screen_create(struct vm *vm, const struct wire *w, const struct screen_ops *ops, void *dev, struct screen **out);
void screen_destroy(struct screen *s);

/* The picture's form from now on, in the memory of fd, which stays the caller's; all of it counts as changed. */
void screen_mode(struct screen *s, const struct fb_mode *m, int fd);

/* These pixels have changed; what lies outside of the picture is left out. */
void screen_damage(struct screen *s, uint32_t x, uint32_t y, uint32_t width, uint32_t height);

/* The guest's pointer, without its shape if that has not changed. */
void screen_cursor(struct screen *s, const struct fb_cursor *c);

#endif
