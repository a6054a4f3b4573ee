/* SPDX-License-Identifier: ISC */
/*
 * virtio-gpu's resources: pixels on the host's side, and the guest's memory that they are filled from. Whatever the
 * guest asks for, all of them together are bounded. Section numbers are virtio 1.2's.
 */
#include <stdlib.h>

#include "common/bytes.h"
#include "kvm-run/virtio_gpu_dev.h"
#include "kvm-run/vm.h"

#define PIXEL 4 /* bytes, of every format that there is (5.7.6.8) */

struct gpu_resource *
gpu_find(struct gpu *g, uint32_t id)
{
	struct gpu_resource *r = g->resources;

	while (r && r->id != id)
		r = r->next;
	return r;
}

static bool
known_format(uint32_t format)
{
	switch (format) {
	case VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM:
	case VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM:
	case VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM:
	case VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM:
	case VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM:
	case VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM:
	case VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM:
	case VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM:
		return true;
	}
	return false;
}

/* The names go by the order of bytes in memory; ours by that in a little-endian number. */
void
gpu_read_pixels(const struct gpu_resource *r, uint32_t x, uint32_t y, uint32_t n, uint32_t *to)
{
	const uint8_t *from = r->pixels + PIXEL * ((size_t)y * r->width + x);

	memcpy(to, from, PIXEL * (size_t)n);
	switch (r->format) {
	case VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM:
	case VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM:
		for (uint32_t i = 0; i < n; i++)
			to[i] = __builtin_bswap32(to[i]);
		break;
	case VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM:
	case VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM:
		for (uint32_t i = 0; i < n; i++)
			to[i] = (to[i] & 0xff00ff00) | (to[i] & 0xff) << 16 | (to[i] >> 16 & 0xff);
		break;
	case VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM:
	case VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM:
		for (uint32_t i = 0; i < n; i++)
			to[i] = to[i] >> 8 | to[i] << 24;
		break;
	}
}

bool
gpu_within(const struct gpu_resource *r, const struct virtio_gpu_rect *rect)
{
	return rect->width && rect->height && range_within(rect->x, rect->width, r->width) &&
	    range_within(rect->y, rect->height, r->height);
}

uint32_t
gpu_create_resource(struct gpu *g, const struct virtio_gpu_resource_create_2d *c)
{
	uint64_t bytes = PIXEL * (uint64_t)c->width * c->height;
	struct gpu_resource *r;

	if (!c->resource_id || gpu_find(g, c->resource_id))
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (!known_format(c->format) || !c->width || !c->height || c->width > GPU_SIDE_MAX || c->height > GPU_SIDE_MAX)
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (g->nresources == GPU_RESOURCES_MAX || bytes > GPU_PIXELS_MAX - g->pixels)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	r = malloc(sizeof(*r));
	if (!r)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	*r = (struct gpu_resource){g->resources, c->resource_id, c->format, c->width, c->height, calloc(1, bytes), NULL, 0, 0};
	if (!r->pixels) {
		free(r);
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	}
	g->resources = r;
	g->nresources++;
	g->pixels += bytes;
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static void
detach(struct gpu *g, struct gpu_resource *r)
{
	g->nentries -= r->nbacking;
	free(r->backing);
	r->backing = NULL;
	r->nbacking = 0;
	r->backing_len = 0;
}

/* The page list that follows the command. */
static bool
read_backing(const struct gpu *g, struct gpu_resource *r, const struct vq_chain *c)
{
	struct virtio_gpu_mem_entry e;
	size_t at = sizeof(struct virtio_gpu_resource_attach_backing);
	struct iovec rest[GPU_QUEUE_SIZE], *iov = rest;
	unsigned n = iov_part(rest, c->iov, c->nout, at, c->out_len - at);

	for (uint32_t i = 0; i < r->nbacking; i++) {
		void *p;

		if (iov_read(iov, n, 0, &e, sizeof(e)) < sizeof(e))
			return false;
		iov_skip(&iov, &n, sizeof(e));
		p = guest_ptr(&g->dev.vm->mem, e.addr, e.length);
		if (!p)
			return false;
		r->backing[i] = (struct iovec){p, e.length};
		r->backing_len += e.length;
	}
	return true;
}

uint32_t
gpu_attach(struct gpu *g, const struct virtio_gpu_resource_attach_backing *c, const struct vq_chain *chain)
{
	struct gpu_resource *r = gpu_find(g, c->resource_id);

	if (!r)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	if (r->backing || !c->nr_entries || c->nr_entries > chain->out_len / sizeof(struct virtio_gpu_mem_entry))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	if (c->nr_entries > GPU_ENTRIES_MAX - g->nentries)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	r->backing = calloc(c->nr_entries, sizeof(*r->backing));
	if (!r->backing)
		return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
	r->nbacking = c->nr_entries;
	g->nentries += c->nr_entries;
	if (read_backing(g, r, chain))
		return VIRTIO_GPU_RESP_OK_NODATA;
	detach(g, r);
	return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
}

uint32_t
gpu_detach(struct gpu *g, uint32_t id)
{
	struct gpu_resource *r = gpu_find(g, id);

	if (!r)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	detach(g, r);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

/* A place in the backing that only moves forward, so that a transfer looks at every piece once. */
struct place {
	const struct iovec *iov;
	uint64_t at; /* in the piece */
};

/* The caller knows that there is as much. */
static void
skip(struct place *p, uint64_t len)
{
	p->at += len;
	while (p->at && p->at >= p->iov->iov_len)
		p->at -= p->iov++->iov_len;
}

static void
take(struct place *p, uint8_t *to, uint64_t len)
{
	while (len) {
		uint64_t n = min_u64(len, p->iov->iov_len - p->at);

		memcpy(to, (const uint8_t *)p->iov->iov_base + p->at, n);
		to += n;
		len -= n;
		p->at += n;
		if (p->at == p->iov->iov_len) {
			p->iov++;
			p->at = 0;
		}
	}
}

/* 5.7.6.8: rows lie in the backing as far apart as in the resource; the first begins at the offset. */
uint32_t
gpu_transfer(struct gpu *g, const struct virtio_gpu_transfer_to_host_2d *c)
{
	struct gpu_resource *r = gpu_find(g, c->resource_id);
	struct place from;
	uint64_t stride, row;

	if (!r)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	stride = PIXEL * (uint64_t)r->width;
	row = PIXEL * (uint64_t)c->r.width;
	if (!gpu_within(r, &c->r) || !range_within(c->offset, stride * (c->r.height - 1) + row, r->backing_len))
		return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
	from = (struct place){r->backing, 0};
	skip(&from, c->offset);
	for (uint32_t i = 0; i < c->r.height; i++) {
		take(&from, r->pixels + (c->r.y + i) * stride + PIXEL * (uint64_t)c->r.x, row);
		if (i + 1 < c->r.height)
			skip(&from, stride - row);
	}
	return VIRTIO_GPU_RESP_OK_NODATA;
}

static void
destroy(struct gpu *g, struct gpu_resource **at)
{
	struct gpu_resource *r = *at;

	if (g->shown == r)
		gpu_hide(g);
	detach(g, r);
	*at = r->next;
	g->nresources--;
	g->pixels -= PIXEL * (uint64_t)r->width * r->height;
	free(r->pixels);
	free(r);
}

uint32_t
gpu_unref(struct gpu *g, uint32_t id)
{
	struct gpu_resource **at = &g->resources;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	if (!*at)
		return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
	destroy(g, at);
	return VIRTIO_GPU_RESP_OK_NODATA;
}

void
gpu_unref_all(struct gpu *g)
{
	while (g->resources)
		destroy(g, &g->resources);
}
