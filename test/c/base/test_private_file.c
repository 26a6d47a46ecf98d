#include "support_export.h"

#include "base/private_file.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static void prepare(void)
{
    make_folder();
}

static int open_new(const char *name)
{
    return tn_private_file_open(AT_FDCWD, path_in_folder(name), O_RDWR | O_CREAT, 0600);
}

Test(private_file, is_open_until_it_is_closed, .init = prepare, .fini = remove_folder)
{
    int descriptor = open_new("one");
    cr_assert_geq(descriptor, 0);
    cr_assert_eq(write(descriptor, "x", 1), 1);
    cr_assert(fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
    tn_private_file_close(descriptor);
    cr_assert_eq(fcntl(descriptor, F_GETFD), -1);
    tn_private_file_close(descriptor);
    tn_private_file_close(-1);
}

Test(private_file, what_cannot_be_opened_says_why, .init = prepare, .fini = remove_folder)
{
    cr_assert_eq(tn_private_file_open(AT_FDCWD, path_in_folder("none"), O_RDWR, 0), -1);
    cr_assert_eq(errno, ENOENT);
}

Test(private_file, there_is_a_limit, .init = prepare, .fini = remove_folder)
{
    int descriptors[TN_MAX_PRIVATE_FILES];
    for (int i = 0; i < TN_MAX_PRIVATE_FILES; i++) cr_assert_geq(descriptors[i] = open_new("many"), 0);
    cr_assert_eq(open_new("many"), -1);
    cr_assert_eq(errno, EMFILE);
    tn_private_file_close(descriptors[3]);
    cr_assert_geq(open_new("many"), 0);
}

static int is_closed(void *descriptor)
{
    return fcntl(*(int *)descriptor, F_GETFD) == -1 && open_new("of the child") >= 0 ? 0 : 1;
}

Test(private_file, a_child_of_a_fork_does_not_have_it, .init = prepare, .fini = remove_folder)
{
    tn_process_watch_forks();
    int descriptor = open_new("one");
    cr_assert_eq(child_result(start_child(is_closed, &descriptor)), 0);
    cr_assert_eq(write(descriptor, "x", 1), 1, "the parent has");
}

static int sleep_long(void *unused)
{
    (void)unused;
    sleep_ms(5000);
    return 0;
}

Test(private_file, its_lock_ends_with_it_though_a_child_lives, .init = prepare, .fini = remove_folder)
{
    tn_process_watch_forks();
    int descriptor = open_new("one");
    cr_assert_eq(flock(descriptor, LOCK_EX | LOCK_NB), 0);
    pid_t child = start_child(sleep_long, NULL);
    sleep_ms(50); /* the child may not have begun yet */
    tn_private_file_close(descriptor);
    int again = open_new("one");
    cr_assert_eq(flock(again, LOCK_EX | LOCK_NB), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}
