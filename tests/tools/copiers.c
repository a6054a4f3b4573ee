/* SPDX-License-Identifier: ISC */
/* Prints where memcpy and memmove, as this processor's are, lie in the file of the C library: PATH:OFFSET, as the kernel's probes
 * want it. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uintptr_t
show(const char *name, uintptr_t but)
{
	uintptr_t at = (uintptr_t)dlsym(RTLD_DEFAULT, name);
	Dl_info in;

	if (at && at != but && dladdr((void *)at, &in))
		printf("%s:%#lx\n", in.dli_fname, (unsigned long)(at - (uintptr_t)in.dli_fbase));
	return at;
}

int
main(void)
{
	show("memmove", show("memcpy", 0));
	return 0;
}
