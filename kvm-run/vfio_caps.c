/* SPDX-License-Identifier: ISC */
/*
 * What the guest sees of an assigned device's configuration space (PCI 3.0, chapter 6; PCI Express 5.0, chapter 7): the header
 * is ours but for a few registers, MSI and MSI-X are ours, the rest is the device's. Its lists are followed once, here, whatever
 * they hold; the guest gets them such as they were then, with what it cannot use made a Null Capability, which has no meaning.
 */
#include <string.h>

#include "common/bytes.h"
#include "kvm-run/pci_bar.h"
#include "kvm-run/vfio_dev.h"

#define HEADER 0x40
#define CFG_STATUS 0x06
#define CFG_CACHE_LINE 0x0c
#define CFG_HEADER_TYPE 0x0e
#define CFG_CARDBUS 0x28
#define CFG_CAPS 0x34
#define CFG_PIN 0x3d
#define TYPE_BRIDGES 0x7f
#define CMD_WRITABLE 0x0547 /* ports, memory, master, parity, SERR, no INTx */

#define CAP_NULL 0x00
#define CAP_PM 0x01
#define CAP_MSI 0x05
#define CAP_EXPRESS 0x10
#define CAP_MSIX 0x11
#define CAP_EA 0x14 /* BARs of fixed addresses, which here they do not have */

#define MSI_LEN32 10
#define MSI_LEN64 14
#define MSI_LEN 24 /* at most, with masks */
#define MSI_KEPT 0x80 /* of its control: 64 bits. One message, and no masks */
#define MSIX_LEN 12
#define MSIX_BIR 7
#define MSIX_ENTRY 16

#define EXPRESS_TYPE 0xf0 /* of the first byte of its flags */
#define ENDPOINT 0x00
#define INTEGRATED_ENDPOINT 0x90
#define LINK 0x0c	/* capabilities, control, status: 8 bytes */
#define LINK2 0x2c
#define EXPRESS_LEN1 0x14
#define EXPRESS_LEN2 0x3c

/* What speaks of other functions, of addresses of buses, or of BARs of other sizes. */
static const uint16_t hidden_extended[] = {
	0x0e, /* Alternative Routing-ID */
	0x0f, /* Address Translation */
	0x10, /* SR-IOV */
	0x13, /* Page Request */
	0x15, /* Resizable BAR */
	0x1b, /* PASID */
	0x24, /* Resizable BARs of virtual functions */
};

/* Not the device's: within the first 256 bytes it reads as zeroes until more is done to it. */
static void
ours(struct vfio *v, unsigned off, unsigned len)
{
	memset(&v->through[off], false, len);
	if (off >= sizeof(v->pci.config))
		return;
	memset(&v->pci.config[off], 0, len);
	memset(&v->pci.wmask[off], 0, len);
}

/* BARs and the command register are as pci_dev_init and pci_add_bar made them. */
static void
take_header(struct vfio *v, const uint8_t *space)
{
	struct pci_dev *d = &v->pci;
	uint16_t writable = CMD_WRITABLE;

	memcpy(&d->config[CFG_CARDBUS], &space[CFG_CARDBUS], 8); /* and the subsystem */
	d->config[CFG_CAPS] = space[CFG_CAPS];
	memcpy(&d->wmask[CFG_COMMAND], &writable, 2);
	memset(&v->through[CFG_STATUS], true, 2);
	v->through[CFG_CACHE_LINE] = true;
	d->wmask[CFG_CACHE_LINE] = 0xff;
	memset(&d->wmask[CFG_STATUS], 0xff, 2); /* its error bits are cleared by ones */
	v->has_pin = space[CFG_PIN] != 0;
	if (v->has_pin)
		pci_add_intx(d);
}

/* Does MSI-X's capability tell of places that are there? */
static bool
msix_fits(const struct vfio *v, const uint8_t *cap)
{
	unsigned n = 1 + (get_le16(cap + 2) & 0x7ff), table = get_le32(cap + 4), pba = get_le32(cap + 8);
	unsigned tbar = table & MSIX_BIR, pbar = pba & MSIX_BIR;

	return tbar < PCI_ROM && pbar < PCI_ROM && !v->pci.bars[tbar].io && !v->pci.bars[pbar].io &&
	    range_within(table & ~MSIX_BIR, n * MSIX_ENTRY, v->pci.bars[tbar].size) &&
	    range_within(pba & ~MSIX_BIR, (n + 63) / 64 * 8, v->pci.bars[pbar].size);
}

static int
take_msix(struct vfio *v, unsigned cap, const uint8_t *space)
{
	uint8_t *config = &v->pci.config[cap];

	if (v->pci.msix_cap || !msix_fits(v, &space[cap]))
		return 0;
	ours(v, cap + 2, MSIX_LEN - 2);
	config[0] = CAP_MSIX;
	memcpy(config + 2, &space[cap + 2], MSIX_LEN - 2);
	config[3] &= 7; /* neither enabled nor masked */
	return pci_use_msix(&v->pci, cap);
}

static int
take_msi(struct vfio *v, unsigned cap, const uint8_t *space)
{
	bool masks = space[cap + 3] & 1, wide = space[cap + 2] & MSI_KEPT;
	unsigned len = masks ? MSI_LEN : wide ? MSI_LEN64 : MSI_LEN32;

	if (v->pci.msi_cap || cap + len > sizeof(v->pci.config))
		return 0;
	ours(v, cap + 2, len - 2);
	v->pci.config[cap] = CAP_MSI;
	v->pci.config[cap + 2] = space[cap + 2] & MSI_KEPT;
	return pci_use_msi(&v->pci, cap);
}

/* On the root's own bus there is no link: an endpoint there is integrated into the root (PCI Express 5.0, 7.5.3.2). */
static void
take_express(struct vfio *v, unsigned cap, const uint8_t *space)
{
	uint8_t flags = space[cap + 2];
	unsigned version = flags & 15;

	ours(v, cap + 2, 1);
	v->pci.config[cap + 2] = flags;
	if ((flags & EXPRESS_TYPE) != ENDPOINT)
		return;
	v->pci.config[cap + 2] = (uint8_t)(INTEGRATED_ENDPOINT | version);
	ours(v, cap + LINK, 8);
	if (version > 1 && cap + EXPRESS_LEN2 <= sizeof(v->pci.config))
		ours(v, cap + LINK2, 8);
}

/* One of the list. Those that are not shown keep their place in it. 0 or -errno. */
static int
take_cap(struct vfio *v, unsigned cap, const uint8_t *space)
{
	uint8_t *id = &v->pci.config[cap];
	unsigned room = (unsigned)sizeof(v->pci.config) - cap;
	int err = 0;

	ours(v, cap, 2);
	v->pci.config[cap + 1] = space[cap + 1];
	*id = space[cap];
	switch (*id) {
	case CAP_PM:
		if (room >= 8 && !v->pm_cap)
			v->pm_cap = cap;
		break;
	case CAP_EXPRESS:
		if (room >= EXPRESS_LEN1)
			take_express(v, cap, space);
		break;
	case CAP_MSI:
		*id = CAP_NULL;
		err = take_msi(v, cap, space);
		break;
	case CAP_MSIX:
		*id = CAP_NULL;
		if (room >= MSIX_LEN)
			err = take_msix(v, cap, space);
		break;
	case CAP_EA:
		*id = CAP_NULL;
		break;
	}
	return err;
}

/* Each place once, so that a list that bites its tail ends where it does. */
static int
take_caps(struct vfio *v, const uint8_t *space)
{
	uint8_t *link = &v->pci.config[CFG_CAPS];
	bool seen[256] = {false};
	int err = 0;

	while (*link && !err) {
		unsigned cap = *link & 0xfc; /* where one lies in another it may be anything by now */

		if (cap < HEADER || seen[cap]) {
			*link = 0;
			break;
		}
		seen[cap] = true;
		err = take_cap(v, cap, space);
		link = &v->pci.config[cap + 1];
	}
	return err;
}

static bool
is_hidden(uint16_t id)
{
	for (size_t i = 0; i < sizeof(hidden_extended) / sizeof(*hidden_extended); i++)
		if (hidden_extended[i] == id)
			return true;
	return false;
}

/* A header: 16 bits of id, 4 of version, 12 of the next one's offset. */
static void
take_extended(struct vfio *v, const uint8_t *space)
{
	bool seen[VFIO_CONFIG_MAX / 4] = {false};
	unsigned off = sizeof(v->pci.config);

	while (off) {
		uint32_t header = get_le32(&space[off]);
		unsigned next = header >> 20 & 0xffc;

		seen[off / 4] = true;
		if (next < sizeof(v->pci.config) || seen[next / 4])
			next = 0;
		header = header == UINT32_MAX ? 0 : is_hidden((uint16_t)header) ? next << 20 : (header & 0xfffff) | next << 20;
		ours(v, off, 4);
		put_le32(&v->extended[off], header);
		off = header ? next : 0;
	}
}

const char *
vfio_caps_read(struct vfio *v, struct why *reason)
{
	static uint8_t space[VFIO_CONFIG_MAX]; /* of the main thread, as all set-up is */
	size_t len = v->config.size < sizeof(space) ? v->config.size : sizeof(space);
	int err;

	memset(space, 0, sizeof(space));
	if (len < sizeof(v->pci.config) || !vfio_region_read(v, &v->config, 0, space, len))
		return "its configuration space cannot be read";
	if (space[CFG_HEADER_TYPE] & TYPE_BRIDGES)
		return "a bridge, not a device";
	memset(&v->through[HEADER], true, len - HEADER);
	memset(&v->pci.wmask[HEADER], 0xff, sizeof(v->pci.wmask) - HEADER);
	take_header(v, space);
	err = take_caps(v, space);
	if (err)
		return why(reason, "interrupts: %s", strerror(-err));
	if (len == sizeof(space))
		take_extended(v, space);
	return NULL;
}
