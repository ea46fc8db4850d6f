// SPDX-License-Identifier: MIT
//
// Shared memory: the ring, with the four ways of getting the memory and the three ways
// of waiting. Nothing is copied twice, and no call is made while nobody has to wait.
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>

#include "peers/peers.h"
#include "peers/ring.h"
#include "support/errors.h"

namespace ipcdev::bench {

namespace {

class FutexRing final : public Ring {
  public:
    using Ring::Ring;

  private:
    void wait_for_turn(Slot& slot, std::uint32_t turn) override {
        std::uint32_t seen = slot.turn.load();
        if (seen == turn) {
            return;
        }
        // Counted before it looks again: who changes the turn looks at the count after.
        slot.sleepers.fetch_add(1);
        while ((seen = slot.turn.load()) != turn) {
            futex_wait(slot.turn, seen);
        }
        slot.sleepers.fetch_sub(1);
    }
    void turn_has_come(Slot& slot) override {
        if (slot.sleepers.load() != 0) {
            futex_wake_all(slot.turn);
        }
    }
};

class PosixSemaphoreRing final : public Ring {
  public:
    explicit PosixSemaphoreRing(const Shape& shape)
        : Ring(Source::anonymous, shape), semaphores_(Source::anonymous, sizeof(Semaphores)) {
        test::checked(sem_init(&both().room, 1, slots()), "sem_init");
        test::checked(sem_init(&both().messages, 1, 0), "sem_init");
    }

  private:
    struct Semaphores {
        sem_t room;
        sem_t messages;
    };

    static void take(sem_t& semaphore) {
        while (sem_wait(&semaphore) == -1) {
            interruption::retry_or_throw("sem_wait");
        }
    }
    [[nodiscard]] Semaphores& both() const {
        return *reinterpret_cast<Semaphores*>(semaphores_.data());
    }

    void wait_for_room() override { take(both().room); }
    void wait_for_message() override { take(both().messages); }
    void room_is_there() override { sem_post(&both().room); }
    void message_is_there() override { sem_post(&both().messages); }

    Memory semaphores_;
};

// The kernel keeps them until they are removed, whoever ends: the destructor does.
class SysvSemaphoreRing final : public Ring {
  public:
    explicit SysvSemaphoreRing(const Shape& shape)
        : Ring(Source::anonymous, shape),
          id_(test::checked(semget(IPC_PRIVATE, 2, IPC_CREAT | S_IRUSR | S_IWUSR), "semget")) {
        change(room, static_cast<short>(slots()));
    }
    ~SysvSemaphoreRing() override { semctl(id_, 0, IPC_RMID); }

  private:
    static constexpr unsigned short room = 0;
    static constexpr unsigned short messages = 1;

    void change(unsigned short which, short by) const {
        sembuf operation{.sem_num = which, .sem_op = by, .sem_flg = 0};
        while (semop(id_, &operation, 1) == -1) {
            interruption::retry_or_throw("semop");
        }
    }
    void wait_for_room() override { change(room, -1); }
    void wait_for_message() override { change(messages, -1); }
    void room_is_there() override { change(room, 1); }
    void message_is_there() override { change(messages, 1); }

    int id_;
};

Abilities of_shared_memory() {
    return {.no_poll = "poll can't wait for it",
            .no_depth = "",
            .no_fill = "its memory is there from the start: a slot is 8 bytes and the message",
            .depth_max = 1U << 14};
}

Peer futex_ring(const char* name, const char* what, Source source) {
    return {.name = name,
            .what = what,
            .abilities = of_shared_memory(),
            .open = [source](const Shape& shape) {
                return std::make_unique<FutexRing>(source, shape);
            }};
}

} // namespace

void add_shared_memory(Peers& peers) {
    peers.push_back(
        futex_ring("shm-futex", "a ring in shared anonymous memory, and futex", Source::anonymous));
    peers.push_back(futex_ring("shm-futex-file", "the same in a mapped file", Source::file));
    peers.push_back(futex_ring("shm-futex-posix", "the same in memory by shm_open", Source::posix));
    peers.push_back(futex_ring("shm-futex-sysv", "the same in memory by shmget", Source::sysv));
    peers.push_back(
        {.name = "shm-sem-posix",
         .what = "the ring in shared anonymous memory, and POSIX semaphores",
         .abilities = of_shared_memory(),
         .open = [](const Shape& shape) { return std::make_unique<PosixSemaphoreRing>(shape); }});
    peers.push_back(
        {.name = "shm-sem-sysv",
         .what = "the ring in shared anonymous memory, and System V semaphores",
         .abilities = of_shared_memory(),
         .open = [](const Shape& shape) { return std::make_unique<SysvSemaphoreRing>(shape); }});
}

} // namespace ipcdev::bench
