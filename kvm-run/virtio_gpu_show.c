/* SPDX-License-Identifier: ISC */
/*
 * What a virtio-gpu shows: the picture, which is copied from its resource where the guest flushes it, so that a display
 * never sees a half-drawn one and needs no new memory when the guest flips between two; and the guest's pointer.
 */
#include <string.h>

#include "kvm-run/virtio_gpu_dev.h"

#define OPAQUE_MASK 0x00ffffff

void
gpu_hide(struct gpu *g)
{
	if (!g->shown)
		return;
	g->shown = NULL;
	screen_mode(g->screen, &(struct fb_mode){.kind = FB_MODE}, -1);
}

/* A rectangle of the resource into the picture, as far as it is part of it. */
static void
show(struct gpu *g, const struct virtio_gpu_rect *r)
{
	const struct virtio_gpu_rect *part = &g->part;
	uint32_t left = r->x > part->x ? r->x : part->x, top = r->y > part->y ? r->y : part->y;
	uint32_t right = r->x + r->width, bottom = r->y + r->height;

	if (right > part->x + part->width)
		right = part->x + part->width;
	if (bottom > part->y + part->height)
		bottom = part->y + part->height;
	if (left >= right || top >= bottom)
		return;
	for (uint32_t y = top; y < bottom; y++) {
		uint32_t *to = (uint32_t *)(void *)g->memory.map + (size_t)(y - part->y) * part->width + (left - part->x);

		gpu_read_pixels(g->shown, left, y, right - left, to);
		for (uint32_t i = 0; i < right - left; i++)
			to[i] &= OPAQUE_MASK;
	}
	screen_damage(g->screen, left - part->x, top - part->y, right - left, bottom - top);
}

uint32_t
gpu_flush(struct gpu *g, const struct virtio_gpu_resource_flush *c)
{
	struct gpu_resource *r = gpu_find(g, c->resource_id);

	if (!r)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!gpu_within(r, &c->r))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (r == g->shown)
		show(g, &c->r);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Flipping to another resource of the same size is no news to the display: the flush that follows says what has changed. */
uint32_t
gpu_set_scanout(struct gpu *g, const struct virtio_gpu_set_scanout *c)
{
	struct gpu_resource *r = gpu_find(g, c->resource_id);
	uint64_t bytes = 4 * (uint64_t)c->r.width * c->r.height;
	bool same;

	if (c->scanout_id)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	if (!c->resource_id) { /* 5.7.6.8: turns it off */
		gpu_hide(g);
		return VIRTIO_GPU_RESP_OK_NODATA;
	}
	if (!r)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!gpu_within(r, &c->r) || bytes > g->memory.size)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	same = g->shown && c->r.width == g->part.width && c->r.height == g->part.height;
	g->shown = r;
	g->part = c->r;
	if (same)
		return VIRTIO_GPU_RESP_OK_NODATA;
	screen_mode(g->screen, &(struct fb_mode){.kind = FB_MODE, .width = c->r.width, .height = c->r.height,
	    .stride = 4 * c->r.width, .size = (uint32_t)g->memory.size}, g->memory.fd);
	show(g, &g->part);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* The position is that of the shape's corner, negative beyond the picture's edge; displays are told where it points to. */
void
gpu_move_cursor(struct gpu *g, const struct virtio_gpu_update_cursor *c)
{
	g->cursor.x = (int32_t)(c->pos.x + g->cursor.hot_x);
	g->cursor.y = (int32_t)(c->pos.y + g->cursor.hot_y);
	g->cursor.flags &= ~FB_CURSOR_SHAPE;
	screen_cursor(g->screen, &g->cursor);
}

/* Linux multiplies a cursor's colours by its alpha beforehand, others do not: one that is brighter than that allows is not. */
static bool
premultiplied(const uint32_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t a = p[i] >> 24;

		if ((p[i] >> 16 & 0xff) > a || (p[i] >> 8 & 0xff) > a || (p[i] & 0xff) > a)
			return false;
	}
	return true;
}

static uint32_t
divide_by_alpha(uint32_t p)
{
	uint32_t a = p >> 24;

	if (!a || a == 255)
		return p;
	return a << 24 | (p >> 16 & 0xff) * 255 / a << 16 | (p >> 8 & 0xff) * 255 / a << 8 | (p & 0xff) * 255 / a;
}

void
gpu_update_cursor(struct gpu *g, const struct virtio_gpu_update_cursor *c)
{
	struct gpu_resource *r = gpu_find(g, c->resource_id);
	struct fb_cursor *k = &g->cursor;
	bool divide;
	size_t n;

	if (!c->resource_id) { /* 5.7.6.10: hidden */
		k->flags = 0;
		screen_cursor(g->screen, k);
		return;
	}
	if (!r || r->width > FB_CURSOR_MAX || r->height > FB_CURSOR_MAX || c->hot_x >= r->width || c->hot_y >= r->height)
		return;
	n = (size_t)r->width * r->height;
	k->width = (uint16_t)r->width;
	k->height = (uint16_t)r->height;
	k->hot_x = (uint16_t)c->hot_x;
	k->hot_y = (uint16_t)c->hot_y;
	k->x = (int32_t)(c->pos.x + c->hot_x);
	k->y = (int32_t)(c->pos.y + c->hot_y);
	k->flags = FB_CURSOR_SHOWN | FB_CURSOR_SHAPE;
	gpu_read_pixels(r, 0, 0, (uint32_t)n, k->pixels); /* rows without gaps are one */
	divide = premultiplied(k->pixels, n);
	for (size_t i = 0; divide && i < n; i++)
		k->pixels[i] = divide_by_alpha(k->pixels[i]);
	screen_cursor(g->screen, k);
}
