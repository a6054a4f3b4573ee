/* SPDX-License-Identifier: ISC */
/* links: kvm-run/bus.c kvm-run/e1000_new.c kvm-run/e1000_regs.c kvm-run/e1000_irq.c kvm-run/e1000_serial.c kvm-run/e1000_rx.c kvm-run/e1000_tx.c kvm-run/e1000_segment.c kvm-run/virtio_net.c kvm-run/virtio_net_new.c kvm-run/net_hold.c kvm-run/net_virtq_rx.c kvm-run/net_virtq_tx.c kvm-run/net_tx.c kvm-run/net_ctrl.c kvm-run/net_pcap.c kvm-run/net_tap.c kvm-run/net_vhost.c kvm-run/vhost.c kvm-run/net_stream.c kvm-run/net_packet.c kvm-run/virtq.c kvm-run/mem.c */
/*
 * An e1000 between a hostile driver and a peer. The input is a program of steps: write a register, write memory, describe a
 * packet, a frame comes, the cable. Every second byte decides whether rings and registers make sense.
 */
#include <fcntl.h>

#include "common/diag.h"
#include "tests/fuzz/input.h"
#include "tests/unit/e1000_rig.h"

/* Rings in the first pages, of few entries; sending and receiving on. */
static void
set_up(struct input *in)
{
	rig_write(R_RDBAL, 0x1000);
	rig_write(R_RDLEN, 256);
	rig_write(R_TDBAL, 0x2000);
	rig_write(R_TDLEN, 256);
	rig_write(R_IMS, input_number(in, 2));
	rig_write(R_RCTL, RCTL_EN | RCTL_UPE | (uint32_t)input_number(in, 3));
	rig_write(R_TCTL, TCTL_EN | TCTL_PSP);
	for (unsigned i = 0; i < 16; i++)
		put_le64(rig.vm.mem.base + 0x1000 + 16 * i, 0x4000 + 0x800 * i);
	rig_write(R_RDT, 15);
}

/* A transmit descriptor at the tail, and perhaps the doorbell. */
static void
describe(struct input *in)
{
	uint32_t tail = rig_read(R_TDT) % 16;
	uint8_t *d = rig.vm.mem.base + 0x2000 + 16 * tail;

	put_le64(d, input_number(in, 3));
	put_le32(d + 8, input_number(in, 4));
	put_le32(d + 12, input_number(in, 4));
	rig_write(R_TDT, (tail + 1) % 16);
}

static void
arrive(struct input *in)
{
	uint8_t frame[4096] = {0};
	size_t len = 1 + input_number(in, 2) % 4000;

	for (unsigned i = 0; i < 18; i++)
		frame[i] = (uint8_t)input_number(in, 1);
	send(rig_peer, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	rig_run();
}

static void
drain(void)
{
	static uint8_t frame[FRAME_MAX];

	while (recv(rig_peer, frame, sizeof(frame), MSG_DONTWAIT) > 0)
		rig_run();
}

static void
step(struct input *in)
{
	uint32_t off;

	switch (input_number(in, 1) % 8) {
	case 0:
		off = input_number(in, 2);
		rig_write(off, input_number(in, 4));
		break;
	case 1:
		rig_read(input_number(in, 2) & 0x1fffc);
		break;
	case 2:
		off = input_number(in, 2);
		put_le32(rig.vm.mem.base + off, input_number(in, 4));
		break;
	case 3:
	case 4: describe(in); break;
	case 5: arrive(in); break;
	case 6: net_set_link(rig.net, input_number(in, 1) & 1); break;
	case 7: drain(); break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	diag_verbose = -1;
	rig_make();
	if (input_number(&in, 1) & 1)
		set_up(&in);
	while (in.left)
		step(&in);
	drain();
	rig_unmake();
	return 0;
}
