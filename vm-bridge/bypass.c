/* SPDX-License-Identifier: ISC */
/* Frames past the bridge's handler; the contracts are in bypass.h, the calls in bpf(2). A filter of tc(8) would do the same, but
 * to put one in takes the interface's queues away for a moment, and so loses what it should save. */
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-bridge/bypass.h"

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, which headers older than Linux 6.6 do not have */

static int
bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

int
bypass_load(const struct link *br)
{
	/* return bpf_redirect(bridge, BPF_F_INGRESS); */
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = br->index },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = BPF_F_INGRESS },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr)); /* the kernel looks at all of its bytes */
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = sizeof(program) / sizeof(program[0]);
	attr.license = (uintptr_t)"ISC";
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		note(1, "a frame may be lost: bpf: %m");
	return fd;
}

int
bypass_begin(int program, const struct link *nic)
{
	union bpf_attr attr;
	int fd;

	if (program < 0)
		return -1;
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_fd = (uint32_t)nic->index;
	attr.link_create.attach_type = TCX_INGRESS;
	fd = bpf(BPF_LINK_CREATE, &attr);
	if (fd < 0)
		note(1, "%s: a frame may be lost: bpf link: %m", nic->name);
	return fd;
}
