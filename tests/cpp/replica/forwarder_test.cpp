#include "replica/forwarder.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace kvcluster::replica {
namespace {

Instant at(int ms) { return Instant(std::chrono::milliseconds(ms)); }

Forwarder::Command command(std::uint64_t id, bool is_write, int leader_deadline_ms = 600) {
  return {Origin{kNoNode, id, 7}, is_write, Slice::copy_of("x"), at(leader_deadline_ms)};
}

TEST(Forwarder, MatchesAReplyToTheCommandThatWasSent) {
  Forwarder forwarder;
  const Forward first = forwarder.send(NodeId(2), command(10, true), at(100));
  const Forward second = forwarder.send(NodeId(2), command(11, false), at(100));
  EXPECT_NE(first.id, second.id);
  EXPECT_EQ(first.connection, 7U);
  EXPECT_EQ(forwarder.answered(NodeId(2), second.id)->origin.id, 11U);
  EXPECT_EQ(forwarder.answered(NodeId(2), first.id)->origin.id, 10U);
  EXPECT_EQ(forwarder.size(), 0U);
}

TEST(Forwarder, AnAnswerToAnEarlierRunFindsNobody) {
  Forwarder earlier(1000);
  const Forward sent = earlier.send(NodeId(2), command(10, true), at(100));
  Forwarder restarted(5'000'000);
  (void)restarted.send(NodeId(2), command(10, true), at(100));
  EXPECT_FALSE(restarted.answered(NodeId(2), sent.id));
  EXPECT_EQ(restarted.size(), 1U);
}

TEST(Forwarder, IgnoresAReplyFromANodeThatWasNotAsked) {
  Forwarder forwarder;
  const Forward sent = forwarder.send(NodeId(2), command(10, true), at(100));
  EXPECT_FALSE(forwarder.answered(NodeId(3), sent.id));
  EXPECT_TRUE(forwarder.answered(NodeId(2), sent.id));
}

TEST(Forwarder, AnswersACommandOnce) {
  Forwarder forwarder;
  const Forward sent = forwarder.send(NodeId(2), command(10, true), at(100));
  EXPECT_TRUE(forwarder.answered(NodeId(2), sent.id));
  EXPECT_FALSE(forwarder.answered(NodeId(2), sent.id));
}

TEST(Forwarder, GivesBackInOrderWhatWasSentToOthersThanTheLeader) {
  Forwarder forwarder;
  (void)forwarder.send(NodeId(2), command(10, true), at(100));
  (void)forwarder.send(NodeId(3), command(11, true), at(100));
  (void)forwarder.send(NodeId(2), command(12, false), at(100));
  const auto elsewhere = forwarder.sent_elsewhere(NodeId(3));
  ASSERT_EQ(elsewhere.size(), 2U);
  EXPECT_EQ(elsewhere[0].origin.id, 10U);
  EXPECT_EQ(elsewhere[1].origin.id, 12U);
  EXPECT_EQ(forwarder.size(), 1U);
}

TEST(Forwarder, GivesBackInOrderWhatWasOnALostLink) {
  Forwarder forwarder;
  (void)forwarder.send(NodeId(2), command(10, true), at(100));
  (void)forwarder.send(NodeId(3), command(11, true), at(100));
  (void)forwarder.send(NodeId(2), command(12, false), at(100));
  const auto lost = forwarder.lost(NodeId(2));
  ASSERT_EQ(lost.size(), 2U);
  EXPECT_EQ(lost[0].origin.id, 10U);
  EXPECT_EQ(lost[1].origin.id, 12U);
  EXPECT_EQ(forwarder.size(), 1U);
}

TEST(Forwarder, WhatWaitsAgainGoesFirst) {
  Forwarder forwarder;
  forwarder.wait(command(20, true));
  forwarder.wait_again({command(10, false), command(11, false)});
  const auto waiting = forwarder.take_waiting();
  ASSERT_EQ(waiting.size(), 3U);
  EXPECT_EQ(waiting[0].origin.id, 10U);
  EXPECT_EQ(waiting[1].origin.id, 11U);
  EXPECT_EQ(waiting[2].origin.id, 20U);
}

TEST(Forwarder, GivesUpWaitingForALeaderAtTheDeadline) {
  Forwarder forwarder;
  forwarder.wait(command(10, true, 600));
  forwarder.wait(command(11, true, 700));
  EXPECT_EQ(forwarder.next_deadline(), at(600));
  EXPECT_TRUE(forwarder.gave_up(at(599)).empty());
  EXPECT_EQ(forwarder.gave_up(at(600)).size(), 1U);
  EXPECT_EQ(forwarder.next_deadline(), at(700));
}

TEST(Forwarder, ASentCommandExpires) {
  Forwarder forwarder;
  (void)forwarder.send(NodeId(2), command(10, true), at(100));
  EXPECT_TRUE(forwarder.expired(at(99)).empty());
  EXPECT_EQ(forwarder.expired(at(100)).size(), 1U);
  EXPECT_EQ(forwarder.next_deadline(), Instant::max());
}

}  // namespace
}  // namespace kvcluster::replica
