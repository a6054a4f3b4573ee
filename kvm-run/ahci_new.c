/* SPDX-License-Identifier: ISC */
/* From a blk wire to a port of the AHCI controller, and other media for its CD-ROM drives; the contracts are in ahci.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kvm-run/ahci_new.h"
#include "kvm-run/stats.h"
#include "kvm-run/vm.h"

#define CD_BLOCK 2048

static bool
is_cdrom(const struct wire *w)
{
	const char *media = wire_get(w, "media");

	return media && !strcmp(media, "cdrom");
}

bool
ahci_wanted(const struct wire *w)
{
	const char *bus = wire_get(w, "bus");

	return bus ? !strcmp(bus, "ahci") : is_cdrom(w);
}

bool
ahci_is_cdrom(const struct ahci_port *p)
{
	return p->cdrom;
}

unsigned
ahci_index(const struct ahci_port *p)
{
	return p->index;
}

static void
reset_device(void *port)
{
	struct ahci_port *p = port;

	iothread_call(&p->io, ahci_port_reset, p);
	ahci_reset(p->hba);
}

static void
leave_disk(void *port)
{
	struct ahci_port *p = port;

	ahci_port_reset(p);
	if (p->wire.disk)
		disk_detach(p->wire.disk);
}

static void
free_port(struct ahci_port *p)
{
	if (p->kick_fd >= 0)
		close(p->kick_fd);
	free(p->cmds);
	free(p);
}

static void
remove_device(void *port)
{
	struct ahci_port *p = port;
	struct ahci *h = p->hba;
	struct vm *vm = h->vm;

	iothread_call(&p->io, leave_disk, p);
	iothread_stop(&p->io);
	blk_wire_close(&p->wire);
	free_port(p);
	if (--h->present)
		return;
	ahci_free(h);
	vm->ahci = NULL;
}

static void
show_stats(void *dev, struct stats_sink *s)
{
	const struct ahci_port *p = dev;

	if (p->wire.disk) /* else the drive is empty */
		stats_disk(s, p->wire.disk);
}

static const struct vm_device_ops device_ops = {
	.reset = reset_device,
	.remove = remove_device,
	.stats = show_stats,
};

static struct ahci_port *
new_port(const struct wire *w)
{
	struct ahci_port *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->cmds = calloc(AHCI_SLOTS, sizeof(*p->cmds));
	if (p->kick_fd < 0 || !p->cmds) {
		free_port(p);
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	p->kick = (struct watch){.fd = p->kick_fd, .handler = ahci_port_kick};
	p->cdrom = is_cdrom(w);
	snprintf(p->id, sizeof(p->id), "%s", w->id);
	for (unsigned i = 0; i < AHCI_SLOTS; i++) {
		p->cmds[i].port = p;
		p->cmds[i].slot = (uint8_t)i;
	}
	return p;
}

/* What a prepared disk must be. NULL, or why it cannot serve. */
static const char *
fault(bool cdrom, const struct disk *d)
{
	if (cdrom && d->block_size > CD_BLOCK)
		return "blocks that are larger than a CD-ROM's";
	if (d->size < (cdrom ? CD_BLOCK : d->block_size))
		return "empty";
	return NULL;
}

static const char *
prepared(struct ahci_port *p, struct blk_wire *b, char *why, size_t size)
{
	const char *reason = blk_prepare(&p->io, b->disk, why, size);

	return reason ? reason : fault(p->cdrom, b->disk);
}

struct joining {
	struct ahci_port *p;
	struct blk_wire *b; /* in: the new medium or none; out: the old one */
	const char *reason;
};

/* The disk becomes the drive's. On the I/O thread. */
static const char *
insert(struct ahci_port *p, struct blk_wire *b)
{
	int err = b->disk ? disk_attach(b->disk, &p->io.loop) : 0;

	if (err)
		return strerror(-err);
	p->wire = *b;
	p->cd.blocks = p->sectors = 0;
	if (!b->disk)
		return NULL;
	p->cd.blocks = b->disk->size / CD_BLOCK;
	p->sectors = b->disk->size / b->disk->block_size;
	b->disk->user = p;
	b->disk->reaped = ahci_port_reaped;
	return NULL;
}

static void
join(void *arg)
{
	struct joining *j = arg;
	int err = loop_watch(&j->p->io.loop, &j->p->kick, EPOLLIN | EPOLLET);

	j->reason = err ? strerror(-err) : insert(j->p, j->b);
	if (!j->reason)
		ahci_port_reset(j->p);
}

/* The port's thread runs; on failure it does not any more. */
static const char *
start(struct ahci_port *p, struct blk_wire *b, char *why, size_t size)
{
	struct joining j = {.p = p, .b = b};
	int err = iothread_start(&p->io, p->id);

	if (err)
		return strerror(-err);
	j.reason = prepared(p, b, why, size);
	if (!j.reason)
		iothread_call(&p->io, join, &j);
	if (j.reason)
		iothread_stop(&p->io);
	return j.reason;
}

static const char *
give_port(struct vm *vm, struct ahci_port *p)
{
	struct ahci *h = vm->ahci ? vm->ahci : ahci_new(vm);

	if (!h)
		return "no slots";
	vm->ahci = h;
	if (h->nports == AHCI_PORTS)
		return "the AHCI controller has no port left";
	p->hba = h;
	p->index = h->nports;
	return NULL;
}

const char *
ahci_create(struct vm *vm, const struct wire *w, struct vm_device *d, char *why, size_t size)
{
	struct ahci_port *p = new_port(w);
	struct blk_wire b = {0};
	const char *reason;

	if (!p)
		return strerror(ENOMEM);
	reason = give_port(vm, p);
	if (!reason)
		reason = blk_wire_open(&b, vm, w, why, size);
	if (!reason) {
		snprintf(p->serial, sizeof(p->serial), "%.*s", BLK_SERIAL_MAX, b.serial);
		reason = start(p, &b, why, size);
		if (reason)
			blk_wire_close(&b);
	}
	if (reason) {
		free_port(p);
		return reason;
	}
	blk_wire_take(&p->wire, w);
	p->hba->ports[p->hba->nports++] = p;
	p->hba->present++;
	d->ops = &device_ops;
	d->dev = d->ata = p;
	d->pci = &p->hba->pci;
	return NULL;
}

static void
swap(void *arg)
{
	struct joining *j = arg;
	struct ahci_port *p = j->p;
	struct blk_wire old = p->wire;

	if (p->cd.locked && p->cd.blocks) {
		p->cd.event_eject = true;
		j->reason = "locked by the guest, which was asked to release it";
		return;
	}
	if (old.disk)
		disk_drain(old.disk);
	j->reason = insert(p, j->b);
	if (j->reason)
		return;
	ahci_settle(p);
	if (old.disk)
		disk_detach(old.disk);
	*j->b = old;
	p->cd.open = !p->wire.disk;
	p->cd.event_gone = !p->wire.disk;
	p->cd.event_new = p->cd.attention_medium = p->wire.disk;
	p->cd.event_eject = false;
}

const char *
ahci_change(struct ahci_port *p, const struct vm *vm, const struct wire *w, char *why, size_t size)
{
	struct blk_wire b = {0};
	struct joining j = {.p = p, .b = &b};

	if (w)
		j.reason = blk_wire_open(&b, vm, w, why, size);
	if (!j.reason && w)
		j.reason = prepared(p, &b, why, size);
	if (!j.reason)
		iothread_call(&p->io, swap, &j);
	if (!j.reason && w)
		blk_wire_take(&p->wire, w);
	blk_wire_close(&b); /* the old one, or what was refused */
	return j.reason;
}
