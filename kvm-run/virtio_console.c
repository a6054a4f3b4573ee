/* SPDX-License-Identifier: ISC */
/* virtio-console; the contracts are in virtio_console.h. Section numbers are virtio 1.2's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/util.h"
#include "kvm-run/con.h"
#include "kvm-run/virtio.h"
#include "kvm-run/virtio_console.h"
#include "kvm-run/vm.h"

#define QUEUE_SIZE 64
#define BUFFER_MAX 4096 /* input on its way from the main thread to the I/O thread */

#define SETTLE_SECONDS 1 /* for a driver that has just started, unless it sends something before */

enum { RX, TX }; /* 5.3.2 */

#define F_SIZE (1ULL << 0) /* 5.3.3 */
#define F_EMERG_WRITE (1ULL << 2)

struct config { /* 5.3.4 */
	uint16_t cols, rows;
	uint32_t max_nr_ports, emerg_wr;
};

struct console {
	struct virtio_dev dev;
	struct con *con;
	/* Linux throws away what it receives between DRIVER_OK and the end of its probe: input waits until `settled`. Both
	 * are the I/O thread's. */
	struct watch settle; /* timerfd */
	bool settled;
	pthread_mutex_t lock; /* guards buf and len */
	size_t len;
	uint8_t buf[BUFFER_MAX];
};

static struct console *
of_dev(struct virtio_dev *d)
{
	return container_of(d, struct console, dev);
}

static size_t
input(void *dev, const uint8_t *data, size_t len)
{
	struct console *c = dev;

	pthread_mutex_lock(&c->lock);
	if (len > sizeof(c->buf) - c->len)
		len = sizeof(c->buf) - c->len;
	memcpy(c->buf + c->len, data, len);
	c->len += len;
	pthread_mutex_unlock(&c->lock);
	virtio_kick_again(&c->dev, RX);
	return len;
}

static void
resize(void *dev, unsigned cols, unsigned rows)
{
	struct console *c = dev;
	const uint16_t size[] = {(uint16_t)cols, (uint16_t)rows};

	virtio_config_set(&c->dev, offsetof(struct config, cols), size, sizeof(size));
}

/* Moves input into one chain; bytes moved. */
static uint32_t
give(struct console *c, const struct vq_chain *chain)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = iov_write(chain->iov + chain->nout, chain->nin, 0, c->buf, c->len);
	c->len -= n;
	memmove(c->buf, c->buf + n, c->len);
	pthread_mutex_unlock(&c->lock);
	return (uint32_t)n;
}

static bool
has_input(struct console *c)
{
	bool some;

	pthread_mutex_lock(&c->lock);
	some = c->len;
	pthread_mutex_unlock(&c->lock);
	return some;
}

/* One chain of either queue; false when there is none, or nothing to put into it. */
static bool
serve(struct console *c, unsigned q)
{
	struct virtq *vq = &c->dev.queues[q].vq;
	struct iovec iov[QUEUE_SIZE];
	struct vq_chain chain;
	uint32_t written = 0;

	if ((q == RX && !(c->settled && has_input(c))) || vq_pop(vq, &chain, iov, QUEUE_SIZE) <= 0)
		return false;
	if (q == RX)
		written = give(c, &chain);
	else
		for (unsigned i = 0; i < chain.nout; i++)
			con_write(c->con, iov[i].iov_base, iov[i].iov_len);
	vq_push(vq, chain.head, written);
	return true;
}

static void
settled(struct console *c)
{
	c->settled = true;
	virtio_kick_again(&c->dev, RX);
}

static void
on_settle(struct watch *w, uint32_t events)
{
	struct console *c = container_of(w, struct console, settle);
	uint64_t n;

	(void)events;
	if (read(w->fd, &n, sizeof(n)) == sizeof(n))
		settled(c);
}

static void
kick(struct virtio_dev *d, unsigned q)
{
	struct console *c = of_dev(d);
	struct virtq *vq = &d->queues[q].vq;
	unsigned n = 0;

	vq_no_kicks(vq);
	while (n < QUEUE_SIZE && serve(c, q)) /* one lap at most: others of this thread have their turn */
		n++;
	if (vq->broken) {
		virtio_broken(d, vq->broken);
		return;
	}
	if (n)
		virtio_interrupt(d, q);
	if (n && q == RX)
		con_room(c->con);
	if (n && q == TX && !c->settled)
		settled(c);
	/* Buffers to receive into are of no use as long as there is no input. */
	if (vq_want_kicks(vq) && (q == TX || (c->settled && has_input(c))))
		virtio_kick_again(d, q);
}

/* An emergency write: a character by way of the configuration, before there is a driver (5.3.4). */
static void
config_written(struct virtio_dev *d, unsigned off, unsigned len)
{
	if (off == offsetof(struct config, emerg_wr) && len)
		con_write(of_dev(d)->con, &d->config[off], 1);
}

static void
set_timer(const struct console *c, time_t seconds)
{
	const struct itimerspec its = {.it_value.tv_sec = seconds};

	timerfd_settime(c->settle.fd, 0, &its, NULL);
}

static bool
start(struct virtio_dev *d)
{
	struct console *c = of_dev(d);

	c->settled = false;
	set_timer(c, SETTLE_SECONDS);
	return loop_watch(&d->io->loop, &c->settle, EPOLLIN) == 0;
}

/* Nothing of the guest's is held between two kicks. */
static void
stop(struct virtio_dev *d)
{
	struct console *c = of_dev(d);

	loop_unwatch(&c->settle);
	set_timer(c, 0);
}

static void
destroy(struct virtio_dev *d)
{
	struct console *c = of_dev(d);

	con_close(c->con);
	close(c->settle.fd);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static const struct virtio_ops ops = {
	.device_id = VIRTIO_ID_CONSOLE,
	.class_code = 0x078000, /* simple communication controller, other */
	.start = start,
	.stop = stop,
	.kick = kick,
	.config_written = config_written,
	.destroy = destroy,
};

static const struct con_front front = {.input = input, .resize = resize};

const char *
console_create(struct vm *vm, const struct wire *w, bool hot, struct virtio_dev **out, char *why, size_t size)
{
	struct console *c = calloc(1, sizeof(*c));
	const char *fault;
	int err;

	if (!c)
		return strerror(ENOMEM);
	pthread_mutex_init(&c->lock, NULL);
	c->dev.ops = &ops;
	memcpy(c->dev.id, w->id, sizeof(c->dev.id));
	c->dev.io = vm->io;
	c->dev.offered = F_SIZE | F_EMERG_WRITE;
	c->dev.config_len = sizeof(struct config);
	c->dev.config[offsetof(struct config, max_nr_ports)] = 1;
	c->dev.nqueues = 2;
	c->dev.queues[RX].size_max = c->dev.queues[TX].size_max = QUEUE_SIZE;
	c->settle = (struct watch){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), .handler = on_settle};
	fault = c->settle.fd < 0 ? strerror(errno) : con_open(&c->con, vm, w, &front, c, why, size);
	if (fault) {
		close(c->settle.fd);
		free(c);
		return fault;
	}
	err = virtio_plug(&c->dev, vm, hot);
	if (err) {
		destroy(&c->dev);
		snprintf(why, size, "%s", strerror(-err));
		return why;
	}
	*out = &c->dev;
	return NULL;
}
