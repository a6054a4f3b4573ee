/* SPDX-License-Identifier: ISC */
/* What a wire may not be beside the others: a second of what there is one, a thing of a device that has no place for it. */
#include <string.h>

#include "kvm-run/fdform.h"
#include "kvm-run/wiring.h"
#include "kvm-run/wiring_place.h"

static bool
key_is(const struct wire *w, const char *key, const char *value)
{
	const char *is = wire_get(w, key);

	return is && !strcmp(is, value);
}

static void
check_vhost(const struct wires *ws, const struct wire *w, struct wire_faults *f)
{
	const struct wire *net = wiring_of(ws, w);
	const char *of = wire_get(w, "of");

	if (!net && !of)
		wire_fault(f, w, "of: missing, and there is not exactly one net wire");
	if (!net || net->kind != WIRE_NET)
		return;
	if (fd_is_open(net->fds[0]) && wiring_as(ws, net) != AS_TAP)
		wire_fault(f, w, "%s: not a tap", net->id);
	if (key_is(net, "model", "e1000"))
		wire_fault(f, w, "%s: an e1000", net->id);
	if (net->nfds != w->nfds)
		wire_fault(f, w, "fd: %zu numbers for the %zu queues of %s", w->nfds, net->nfds, net->id);
	for (const struct wire *v = ws->v; v < w; v++)
		if (v->nfds && v->kind == WIRE_VHOST && wiring_of(ws, v) == net)
			wire_fault(f, w, "%s: has %s already", net->id, v->id);
}

/* Of each form that only one may have: whether an earlier wire has it. */
static void
check_only(const struct wires *ws, const struct wire *w, const char *what, struct wire_faults *f)
{
	for (const struct wire *v = ws->v; v < w; v++)
		if (v->nfds && v->kind == w->kind && wiring_as(ws, v) == wiring_as(ws, w))
			wire_fault(f, w, "%s: that is %s already", what, v->id);
}

/* Option ROMs: one a device, and a device that has a place for it. */
static void
check_rom(const struct wires *ws, const struct wire *w, const char *of, struct wire_faults *f)
{
	const struct wire *owner = of ? wires_find(ws, of) : NULL;

	if (!of)
		wire_fault(f, w, "of: missing, the device whose ROM this is");
	if (owner && owner->kind != WIRE_NET && owner->kind != WIRE_BLK && owner->kind != WIRE_FB && owner->kind != WIRE_PCI)
		wire_fault(f, w, "of=%s: not a net, blk, fb or pci wire", of);
	for (const struct wire *v = ws->v; v < w; v++)
		if (owner && v->nfds && v->kind == WIRE_FW && wire_get(v, "of") && !strcmp(wire_get(v, "of"), of))
			wire_fault(f, w, "%s: has %s already", of, v->id);
}

/* Its group and the container; a fourth is just held as long as the device is. */
static void
check_pci(const struct wire *w, struct wire_faults *f)
{
	static const enum fd_form forms[] = {FORM_VFIO_DEVICE, FORM_VFIO_GROUP, FORM_VFIO};
	const size_t n = sizeof(forms) / sizeof(*forms);

	if (w->nfds < n || w->nfds > n + 1)
		wire_fault(f, w, "fd: %zu numbers where device:group:container is meant", w->nfds);
	for (size_t i = 1; i < w->nfds && i < n; i++)
		if (fd_is_open(w->fds[i]) && fd_form(w->fds[i]) != forms[i])
			wire_fault(f, w, "fd %d: %s, not %s", w->fds[i], fd_form_name(fd_form(w->fds[i])), fd_form_name(forms[i]));
}

void
wiring_check_place(const struct wires *ws, const struct wire *w, struct wire_faults *f)
{
	const char *of = wire_get(w, "of");
	const struct wire *net = of ? wires_find(ws, of) : NULL;
	enum wire_as as = wiring_as(ws, w);

	if (net && net->kind != WIRE_NET && w->kind != WIRE_FW)
		wire_fault(f, w, "of=%s: not a net wire", of);
	switch (w->kind) {
	case WIRE_BLK:
		if (key_is(w, "media", "cdrom") && key_is(w, "bus", "virtio"))
			wire_fault(f, w, "media=cdrom: not on bus=virtio");
		break;
	case WIRE_VHOST:
		check_vhost(ws, w, f);
		break;
	case WIRE_CON:
		if (as == AS_SERIAL || as == AS_DEBUG)
			check_only(ws, w, as == AS_SERIAL ? "as=serial" : "as=debug", f);
		break;
	case WIRE_FW:
		if (as == AS_ROM)
			check_rom(ws, w, of, f);
		else if (as != AS_NONE)
			check_only(ws, w, as == AS_BIOS ? "fw" : "as=splash", f);
		if (of && as != AS_ROM)
			wire_fault(f, w, "of=%s: only an option ROM is a device's", of);
		break;
	case WIRE_PCI:
		check_pci(w, f);
		break;
	case WIRE_FB:
		for (const struct wire *v = ws->v; v < w && wiring_is_vga(w); v++)
			if (v->nfds && wiring_is_vga(v))
				wire_fault(f, w, "model=vga: that is %s already", v->id);
		break;
	case WIRE_MEM:
	case WIRE_KERN:
	case WIRE_INIT:
		if (wires_first(ws, w->kind) != w)
			wire_fault(f, w, "a machine has one %s wire", wire_kind_name(w->kind));
		break;
	default:
		break;
	}
}
