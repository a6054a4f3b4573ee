/* SPDX-License-Identifier: ISC */
/* virtio-gpu's commands, 5.7.6.7 to 5.7.6.10 of virtio 1.2: each is read once, whole, and answered at once. */
#include <string.h>

#include "common/util.h"
#include "kvm-run/edid.h"
#include "kvm-run/virtio_gpu_dev.h"

_Static_assert(EDID_SIZE <= sizeof(((struct virtio_gpu_resp_edid *)0)->edid), "it has to fit");

struct request {
	struct gpu *g;
	const union gpu_command *c;
	const struct vq_chain *chain;
	union gpu_answer *a;
	size_t len; /* of the answer, when it is more than a header */
};

static uint32_t
get_display_info(struct request *q)
{
	struct virtio_gpu_display_one *one = &q->a->display.pmodes[0];

	q->len = sizeof(q->a->display);
	one->r.width = q->g->wanted_width;
	one->r.height = q->g->wanted_height;
	one->enabled = 1;
	return VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
}

static uint32_t
get_edid(struct request *q)
{
	if (q->c->edid.scanout)
		return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
	q->len = sizeof(q->a->edid);
	q->a->edid.size = EDID_SIZE;
	edid_make(q->a->edid.edid, q->g->wanted_width, q->g->wanted_height);
	return VIRTIO_GPU_RESP_OK_EDID;
}

static uint32_t
create_2d(struct request *q)
{
	return gpu_create_resource(q->g, &q->c->create);
}

static uint32_t
unref(struct request *q)
{
	return gpu_unref(q->g, q->c->unref.resource_id);
}

static uint32_t
set_scanout(struct request *q)
{
	return gpu_set_scanout(q->g, &q->c->scanout);
}

static uint32_t
flush(struct request *q)
{
	return gpu_flush(q->g, &q->c->flush);
}

static uint32_t
transfer(struct request *q)
{
	return gpu_transfer(q->g, &q->c->transfer);
}

static uint32_t
attach_backing(struct request *q)
{
	return gpu_attach(q->g, &q->c->attach, q->chain);
}

static uint32_t
detach_backing(struct request *q)
{
	return gpu_detach(q->g, q->c->detach.resource_id);
}

static const struct {
	uint32_t type;
	size_t len;
	uint32_t (*run)(struct request *q);
} commands[] = {
    {VIRTIO_GPU_CMD_GET_DISPLAY_INFO, sizeof(struct virtio_gpu_ctrl_hdr), get_display_info},
    {VIRTIO_GPU_CMD_GET_EDID, sizeof(struct virtio_gpu_cmd_get_edid), get_edid},
    {VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, sizeof(struct virtio_gpu_resource_create_2d), create_2d},
    {VIRTIO_GPU_CMD_RESOURCE_UNREF, sizeof(struct virtio_gpu_resource_unref), unref},
    {VIRTIO_GPU_CMD_SET_SCANOUT, sizeof(struct virtio_gpu_set_scanout), set_scanout},
    {VIRTIO_GPU_CMD_RESOURCE_FLUSH, sizeof(struct virtio_gpu_resource_flush), flush},
    {VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, sizeof(struct virtio_gpu_transfer_to_host_2d), transfer},
    {VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, sizeof(struct virtio_gpu_resource_attach_backing), attach_backing},
    {VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, sizeof(struct virtio_gpu_resource_detach_backing), detach_backing},
};

static uint32_t
run(struct request *q, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (commands[i].type == q->c->hdr.type)
			return len < commands[i].len ? VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER : commands[i].run(q);
	return VIRTIO_GPU_RESP_ERR_UNSPEC;
}

size_t
gpu_command(struct gpu *g, const struct vq_chain *chain, union gpu_answer *a)
{
	union gpu_command c = {0};
	size_t len = iov_read(chain->iov, chain->nout, 0, &c, sizeof(c));
	struct request q = {g, &c, chain, a, sizeof(a->hdr)};

	memset(a, 0, sizeof(*a));
	a->hdr.type = run(&q, len);
	if (c.hdr.flags & VIRTIO_GPU_FLAG_FENCE) { /* 5.7.6.7: what is answered is done */
		a->hdr.flags = VIRTIO_GPU_FLAG_FENCE;
		a->hdr.fence_id = c.hdr.fence_id;
		a->hdr.ctx_id = c.hdr.ctx_id;
	}
	return q.len;
}

void
gpu_cursor_command(struct gpu *g, const struct vq_chain *chain)
{
	union gpu_command c = {0};

	if (iov_read(chain->iov, chain->nout, 0, &c, sizeof(c)) < sizeof(c.cursor) || c.cursor.pos.scanout_id)
		return;
	if (c.hdr.type == VIRTIO_GPU_CMD_UPDATE_CURSOR)
		gpu_update_cursor(g, &c.cursor);
	else if (c.hdr.type == VIRTIO_GPU_CMD_MOVE_CURSOR)
		gpu_move_cursor(g, &c.cursor);
}
