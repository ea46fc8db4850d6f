/* SPDX-License-Identifier: MIT
 *
 * Serves a FUSE file that answers ioctls as it is told and not as an ipcdev device does.
 *
 * usage: false-server PATH ANSWERS
 *
 * Answers ioctl number N with the bytes of the file ANSWERS/N, looked up at each call, and
 * with ENOTTY if there is none. PATH is an empty file. Ends when it is unmounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void get_attributes(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info* file) {
    const struct stat attributes = {.st_ino = FUSE_ROOT_ID, .st_mode = S_IFREG | 0600, .st_nlink = 1,
                                    .st_uid = geteuid(), .st_gid = getegid()};

    (void)inode;
    (void)file;
    fuse_reply_attr(request, &attributes, 0);
}

static void open_file(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info* file) {
    (void)inode;
    fuse_reply_open(request, file);
}

static void answer(fuse_req_t request, fuse_ino_t inode, unsigned command, void* argument,
                   struct fuse_file_info* file, unsigned flags, const void* in, size_t in_bytes,
                   size_t out_bytes) {
    static char bytes[1 << _IOC_SIZEBITS];
    char path[4096];
    int answers;

    (void)inode, (void)argument, (void)file, (void)flags, (void)in, (void)in_bytes;
    snprintf(path, sizeof(path), "%s/%u", (const char*)fuse_req_userdata(request), _IOC_NR(command));
    answers = open(path, O_RDONLY | O_CLOEXEC);
    if (answers == -1) {
        fuse_reply_err(request, ENOTTY);
        return;
    }
    memset(bytes, 0, sizeof(bytes));
    if (read(answers, bytes, sizeof(bytes)) == -1)
        perror(path);
    close(answers);
    fuse_reply_ioctl(request, 0, bytes, out_bytes);
}

int main(int argc, char** argv) {
    const struct fuse_lowlevel_ops operations = {
        .getattr = get_attributes, .open = open_file, .ioctl = answer};
    struct fuse_args arguments = FUSE_ARGS_INIT(1, argv);
    struct fuse_session* session;

    if (argc != 3) {
        fprintf(stderr, "usage: false-server PATH ANSWERS\n");
        return 2;
    }
    session = fuse_session_new(&arguments, &operations, sizeof(operations), argv[2]);
    if (session == NULL || fuse_session_mount(session, argv[1]) != 0)
        return 1;
    fuse_session_loop(session);
    fuse_session_destroy(session);
    return 0;
}
