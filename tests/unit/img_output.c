/* SPDX-License-Identifier: ISC */
/* links: vm-img/output.c vm-img/output_place.c */
/* New files by rename: what is there before the end, after it, and after a failure. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vm-img/output.h"

static struct why w;

static void
put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		abort();
	close(fd);
}

static bool
holds(const char *path, const char *text)
{
	char buf[64];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	close(fd);
	return n == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)n);
}

static int
entries(void)
{
	DIR *d = opendir(".");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* Begins path and writes text to it. */
static struct output *
begun(const char *path, const char *text)
{
	struct output *o = output_begin(path, &w);
	struct file *f = o ? output_file(o, &w) : NULL;

	if (!f || file_write(f, text, strlen(text), 0))
		abort();
	file_close(f);
	return o;
}

static void
test_new(void)
{
	struct output *o = begun("new", "one");

	ok(access("new", F_OK) < 0, "nothing has the name before the end");
	ok(!output_finish(o, OUTPUT_DEFAULT, &w) && holds("new", "one"), "then it is there");
	o = begun("new", "two");
	ok(holds("new", "one"), "an old file is whole before the end");
	output_abandon(o);
	ok(holds("new", "one") && entries() == 1, "and after a failure, and nothing else is there");
	o = begun("new", "two");
	ok(!output_finish(o, OUTPUT_SYNC, &w) && holds("new", "two") && entries() == 1, "it is replaced at the end");
	unlink("new");
}

static void
test_mode(void)
{
	struct stat st;

	put("mode", "x", 0604);
	ok(!output_finish(begun("mode", "y"), OUTPUT_UNSAFE, &w) && !stat("mode", &st) && (st.st_mode & 07777) == 0604,
	    "the new file has the old one's mode");
	unlink("mode");
}

static void
test_links(void)
{
	struct stat st;

	mkdir("dir", 0700);
	ok(!symlink("dir/far", "near") && !output_finish(begun("near", "1"), OUTPUT_DEFAULT, &w) && holds("dir/far", "1"),
	    "a link to nothing makes what it names");
	ok(!output_finish(begun("near", "2"), OUTPUT_DEFAULT, &w) && holds("dir/far", "2") && !lstat("near", &st) &&
		S_ISLNK(st.st_mode),
	    "a link stays, what it names is replaced");
	unlink("near");
	ok(!symlink("near", "near") && !output_begin("near", &w), "a link to itself: %s", w.text);
	unlink("near");
	unlink("dir/far");
	rmdir("dir");
}

static void
test_in_place(void)
{
	char path[32];
	int fd = open("open", O_RDWR | O_CREAT, 0600);
	struct output *o;

	ok(write(fd, "before", 6) == 6, "a file of an inherited descriptor");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	o = begun(path, "now");
	ok(output_in_place(o) && holds("open", "now"), "is written in place");
	ok(!output_finish(o, OUTPUT_DEFAULT, &w) && holds("open", "now") && lseek(fd, 0, SEEK_END) == 3, "and stays the same file");
	close(fd);
	unlink("open");
}

static void
test_refused(void)
{
	ok(!output_begin("missing/x", &w), "no directory: %s", w.text);
	ok(!output_begin("name/", &w), "no name: %s", w.text);
	ok(!output_begin(".", &w), "a directory: %s", w.text);
	ok(!output_begin("/dev/null", &w), "a character device: %s", w.text);
}

static void
test_locked(void)
{
	struct output *first = begun("locked", "");

	output_finish(first, OUTPUT_DEFAULT, &w);
	first = output_begin("locked", &w);
	ok(first && !output_begin("locked", &w), "a file in use: %s", w.text);
	output_abandon(first);
	unlink("locked");
}

static void
test_beside(void)
{
	struct output *o = begun("one", "1");
	struct file *f = output_beside(o, "two", &w), *again;

	ok(f && !file_write(f, "2", 1, 0), "a second file");
	again = output_named(o, "two", true, &w);
	ok(again && again != f && again->size == 1, "is found by its name");
	file_close(again);
	ok(!output_named(o, "three", true, &w), "no other is: %s", w.text);
	ok(entries() == 0, "neither is there before the end");
	ok(!output_finish(o, OUTPUT_DEFAULT, &w) && holds("one", "1") && holds("two", "2"), "both are then");
	unlink("one");
	unlink("two");
}

static void
test_killed(void)
{
	int status;
	pid_t child = fork();

	if (!child) {
		begun("killed", "x");
		raise(SIGTERM);
		_exit(0);
	}
	ok(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && entries() == 0, "a signal leaves nothing");
}

int
main(void)
{
	char dir[] = "/tmp/img_output.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0)
		abort();
	test_new();
	test_mode();
	test_links();
	test_in_place();
	test_refused();
	test_locked();
	test_beside();
	test_killed();
	if (chdir("/") < 0 || rmdir(dir) < 0)
		abort();
	return tap_done();
}
