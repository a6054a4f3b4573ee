/* SPDX-License-Identifier: ISC */
/*
 * What the files of virtio-gpu share: the device and its queues (virtio_gpu.c), commands (virtio_gpu_command.c), resources
 * (virtio_gpu_resource.c), and what is shown of them (virtio_gpu_show.c). All on the I/O thread, but for creation.
 */
#ifndef KVM_RUN_VIRTIO_GPU_DEV_H
#define KVM_RUN_VIRTIO_GPU_DEV_H

#include <linux/virtio_gpu.h>

#include "kvm-run/screen.h"
#include "kvm-run/virtio.h"

#define GPU_QUEUE_SIZE 256 /* a chain has as many buffers at most: a page list of 250 pages, of 64000 entries */
enum { GPU_CONTROL, GPU_CURSOR }; /* 5.7.2 */

#define GPU_SIDE_MAX FB_SIDE_MAX	    /* of a resource */
#define GPU_RESOURCES_MAX 1024
#define GPU_PIXELS_MAX (256ULL << 20)	    /* bytes of all resources together */
#define GPU_ENTRIES_MAX (256U << 10)	    /* pieces of guest memory behind all of them */
#define GPU_PICTURE_MAX (64ULL << 20)	    /* bytes: 4096 by 4096 pixels */

struct gpu_resource {
	struct gpu_resource *next;
	uint32_t id, format, width, height;
	uint8_t *pixels; /* as the guest wrote them, rows without gaps */
	struct iovec *backing; /* of the guest's memory, or NULL */
	uint32_t nbacking;
	uint64_t backing_len;
};

struct gpu {
	struct virtio_dev dev;
	struct screen *screen;
	struct screen_memory memory; /* the picture: pixels as common/fb.h has them */
	struct gpu_resource *resources;
	uint32_t nresources, nentries;
	uint64_t pixels; /* bytes of all resources */
	/* The rectangle of a resource that is the picture; shown is NULL when there is none. */
	struct gpu_resource *shown;
	struct virtio_gpu_rect part;
	uint32_t wanted_width, wanted_height; /* by the display */
	struct fb_cursor cursor;
};

/* The bytes of a command, all kinds of them; those behind its own length are zeroes. */
union gpu_command {
	struct virtio_gpu_ctrl_hdr hdr;
	struct virtio_gpu_resource_create_2d create;
	struct virtio_gpu_resource_unref unref;
	struct virtio_gpu_set_scanout scanout;
	struct virtio_gpu_resource_flush flush;
	struct virtio_gpu_transfer_to_host_2d transfer;
	struct virtio_gpu_resource_attach_backing attach;
	struct virtio_gpu_resource_detach_backing detach;
	struct virtio_gpu_cmd_get_edid edid;
	struct virtio_gpu_update_cursor cursor;
};

/* An answer; its length is in `len` where it is more than the header. */
union gpu_answer {
	struct virtio_gpu_ctrl_hdr hdr;
	struct virtio_gpu_resp_display_info display;
	struct virtio_gpu_resp_edid edid;
};

/* Does the command of one chain; the answer's length. */
size_t gpu_command(struct gpu *g, const struct vq_chain *c, union gpu_answer *a);

/* Of the cursor queue, which gives no answers. */
void gpu_cursor_command(struct gpu *g, const struct vq_chain *c);

/* Resources. Each returns the type of the answer, VIRTIO_GPU_RESP_*. */
struct gpu_resource *gpu_find(struct gpu *g, uint32_t id);
uint32_t gpu_create_resource(struct gpu *g, const struct virtio_gpu_resource_create_2d *c);
uint32_t gpu_attach(struct gpu *g, const struct virtio_gpu_resource_attach_backing *c, const struct vq_chain *chain);
uint32_t gpu_detach(struct gpu *g, uint32_t id);
uint32_t gpu_transfer(struct gpu *g, const struct virtio_gpu_transfer_to_host_2d *c);
uint32_t gpu_unref(struct gpu *g, uint32_t id);
void gpu_unref_all(struct gpu *g);

/* Is the rectangle within the resource, and not empty? */
bool gpu_within(const struct gpu_resource *r, const struct virtio_gpu_rect *rect);

/* A row's pixels as 0xAARRGGBB. n pixels of the resource from (x, y) on, which are there. */
void gpu_read_pixels(const struct gpu_resource *r, uint32_t x, uint32_t y, uint32_t n, uint32_t *to);

/* What is shown. */
uint32_t gpu_set_scanout(struct gpu *g, const struct virtio_gpu_set_scanout *c);
uint32_t gpu_flush(struct gpu *g, const struct virtio_gpu_resource_flush *c);
void gpu_hide(struct gpu *g); /* the picture */
void gpu_move_cursor(struct gpu *g, const struct virtio_gpu_update_cursor *c);
void gpu_update_cursor(struct gpu *g, const struct virtio_gpu_update_cursor *c);

#endif
