/* SPDX-License-Identifier: ISC */
/* From a net wire to an e1000, its life, and its place on the bus; the contracts are in e1000.h and e1000_dev.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "kvm-run/e1000_dev.h"
#include "kvm-run/vm.h"

#define BAR_REGS 0
#define BAR_REGS_SIZE 0x20000
#define BAR_IO 1
#define BAR_IO_SIZE 64
#define IO_ADDRESS 0 /* 13.2.2 */
#define IO_DATA 4

bool
e1000_wanted(const struct wire *w)
{
	const char *model = wire_get(w, "model");

	return model && !strcmp(model, "e1000");
}

/* The I/O thread serves the rings from when the driver has enabled either. */
static void
on_kick(struct watch *w, uint32_t events)
{
	struct e1000 *e = container_of(w, struct e1000, kick);
	struct net_pair *p = &e->net->pairs[0];
	bool on;

	(void)events; /* each kick is an edge: the count need not be read */
	pthread_mutex_lock(&e->lock);
	on = *e1000_reg(e, R_RCTL) & RCTL_EN || *e1000_reg(e, R_TCTL) & TCTL_EN;
	pthread_mutex_unlock(&e->lock);
	net_pair_set(p, on);
	if (!on)
		return;
	if (p->rx_paused) {
		p->rx_paused = false;
		net_watch(p);
		e->net->ops->recv(p); /* the backend may hold frames that no descriptor tells of */
	}
	net_tx(p);
}

/* On the I/O thread. */
static void
reset(void *arg)
{
	struct e1000 *e = arg;

	net_pair_set(&e->net->pairs[0], false);
	e1000_tx_begin(&e->tx);
	e->rx_causes = 0;
	pthread_mutex_lock(&e->lock);
	e1000_reset_registers(e);
	pthread_mutex_unlock(&e->lock);
}

static void
tell_link(struct net_dev *n, bool up)
{
	struct e1000 *e = n->nic;

	pthread_mutex_lock(&e->lock);
	e1000_link_registers(e, up);
	e1000_raise(e, ICR_LSC, true);
	pthread_mutex_unlock(&e->lock);
}

static const struct net_front front = {
	.rx_ready = e1000_rx_ready,
	.rx_room = e1000_rx_room,
	.rx_done = e1000_rx_done,
	.rx_put = e1000_rx_put,
	.rx_end = e1000_rx_end,
	.tx_fetch = e1000_tx_fetch,
	.tx_idle = e1000_tx_idle,
	.tx_again = e1000_tx_again,
	.link = tell_link,
};

static void
access_register(void *card, uint64_t off, uint32_t *v, bool write)
{
	struct e1000 *e = card;

	if (!write)
		*v = e1000_read(e, (unsigned)off);
	else if (off == R_CTRL && *v & CTRL_RST)
		iothread_call(&e->net->io, reset, e);
	else
		e1000_write(e, (unsigned)off, *v);
}

/* An address in one port, the register that it names in another. */
static void
io_access(struct e1000 *e, uint64_t off, void *data, unsigned len, bool write)
{
	uint32_t address = __atomic_load_n(&e->io_address, __ATOMIC_RELAXED), v;

	if (len != 4)
		return;
	memcpy(&v, data, 4);
	if (off == IO_ADDRESS && write)
		__atomic_store_n(&e->io_address, v, __ATOMIC_RELAXED);
	else if (off == IO_ADDRESS)
		v = address;
	else if (off == IO_DATA)
		access_register(e, address & ~3U, &v, write);
	memcpy(data, &v, 4);
}

static void
bar_access(struct pci_dev *d, unsigned bar, uint64_t off, void *data, unsigned len, bool write)
{
	struct e1000 *e = container_of(d, struct e1000, pci);

	if (bar == BAR_IO)
		io_access(e, off, data, len, write);
	else
		bus_dwords(e, access_register, off, data, len, write);
}

static void
reset_device(void *dev)
{
	struct e1000 *e = dev;

	iothread_call(&e->net->io, reset, e);
}

/* Without its network device. */
static void
free_card(struct e1000 *e)
{
	if (e->kick_fd >= 0)
		close(e->kick_fd);
	if (e->itr.fd >= 0)
		close(e->itr.fd);
	free(e);
}

static void
remove_device(void *dev)
{
	struct e1000 *e = dev;

	iothread_call(&e->net->io, reset, e);
	pci_unplug(&e->vm->pci, &e->pci);
	net_free(e->net, false);
	free_card(e);
}

static const struct vm_device_ops device_ops = {
	.reset = reset_device,
	.remove = remove_device,
};

static struct e1000 *
new_card(struct vm *vm)
{
	struct e1000 *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->vm = vm;
	pthread_mutex_init(&e->lock, NULL);
	e->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	e->kick = (struct watch){.fd = e->kick_fd, .handler = on_kick};
	e->itr = (struct watch){.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), .handler = e1000_on_itr};
	if (e->kick_fd >= 0 && e->itr.fd >= 0)
		return e;
	free_card(e);
	return NULL;
}

static int
plug(struct e1000 *e, bool hot)
{
	static const struct pci_ops ops = {.bar_access = bar_access};
	int err;

	pci_dev_init(&e->pci, e->vm, e->net->virtio.id, &ops, 0x8086, 0x100e, 0x020000, 3);
	pci_add_bar(&e->pci, BAR_REGS, BAR_REGS_SIZE, false, false);
	pci_add_io_bar(&e->pci, BAR_IO, BAR_IO_SIZE);
	pci_add_intx(&e->pci);
	e1000_eeprom_init(e, net_mac(e->net));
	reset(e);
	err = loop_watch(&e->net->io.loop, &e->kick, EPOLLIN | EPOLLET);
	if (!err)
		err = loop_watch(&e->net->io.loop, &e->itr, EPOLLIN);
	return err ? err : pci_plug(&e->vm->pci, &e->pci, hot);
}

const char *
e1000_create(struct vm *vm, const struct wire *w, bool hot, struct vm_device *d, char *why, size_t size)
{
	struct e1000 *e;
	const char *bad;
	int slot;

	if (w->nfds > 1)
		return "an e1000 has one queue";
	if (wire_get(w, "mtu"))
		return "mtu: an e1000 cannot tell the guest of it";
	e = new_card(vm);
	if (!e)
		return strerror(errno);
	e->net = net_new(vm, w, &front, &bad, why, size);
	if (!e->net) {
		free_card(e);
		return bad;
	}
	e->net->nic = e;
	slot = plug(e, hot);
	if (slot < 0) {
		net_free(e->net, true);
		free_card(e);
		return slot == -ENOSPC ? "no slots" : strerror(-slot);
	}
	d->ops = &device_ops;
	d->dev = e;
	d->pci = &e->pci;
	d->net = e->net;
	return NULL;
}
