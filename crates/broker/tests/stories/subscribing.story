# SUBSCRIBE and UNSUBSCRIBE, chapters 3.8 to 3.11 and 4.7.

== One reason per filter, in their order [MQTT-2.2.1-6] [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-7] [MQTT-3.9.3-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.9.3-1]; malformed filters cost only themselves
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE #9 a/b a/# + +/+ # qos1
    a < SUBACK #9 qos1 qos1 qos1 qos1 qos1
a: SUBSCRIBE #10 a/#/b a+ #a +a/b a/b# $share//t $share/g $share/g+/t $share/#/t $share
    a < SUBACK #10 TopicFilterInvalid TopicFilterInvalid TopicFilterInvalid TopicFilterInvalid TopicFilterInvalid TopicFilterInvalid TopicFilterInvalid TopicFilterInvalid TopicFilterInvalid TopicFilterInvalid
b: CONNECT v3
    b < CONNACK Success
b: SUBSCRIBE ok a+ qos1
    b < SUBACK #1 qos1 UnspecifiedError

== + is one level, # is this level and all below (4.7.1) [MQTT-3.3.2-3]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE sport/tennis/player1/# id=1
    a < SUBACK #1 qos0
a: SUBSCRIBE sport/+ id=2
    a < SUBACK #1 qos0
a: SUBSCRIBE +/+ id=3
    a < SUBACK #1 qos0
a: SUBSCRIBE /+ id=4
    a < SUBACK #1 qos0
a: SUBSCRIBE + id=5
    a < SUBACK #1 qos0
b: CONNECT
    b < CONNACK Success
b: PUBLISH sport/tennis/player1 x
    accepted from b
    a < PUBLISH sport/tennis/player1 x id=1
b: PUBLISH sport/tennis/player1/score/wimbledon x
    accepted from b
    a < PUBLISH sport/tennis/player1/score/wimbledon x id=1
b: PUBLISH sport x
    accepted from b
    a < PUBLISH sport x id=5
b: PUBLISH sport/ x
    accepted from b
    a < PUBLISH sport/ x id=2 id=3
b: PUBLISH /finance x
    accepted from b
    a < PUBLISH /finance x id=4 id=3
b: PUBLISH sport/tennis/player10 x
    accepted from b
b: PUBLISH SPORT x
    accepted from b
    a < PUBLISH SPORT x id=5

== A leading wildcard does not match $ topics [MQTT-4.7.2-1]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE # id=1
    a < SUBACK #1 qos0
a: SUBSCRIBE +/monitor id=2
    a < SUBACK #1 qos0
a: SUBSCRIBE $SYS/# id=3
    a < SUBACK #1 qos0
a: SUBSCRIBE $SYS/+ id=4
    a < SUBACK #1 qos0
local: PUBLISH $SYS/monitor x
    accepted
    a < PUBLISH $SYS/monitor x id=3 id=4

== Overlapping subscriptions: one delivery, highest QoS, every identifier [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t/# qos0 id=1
    a < SUBACK #1 qos0 qos0
a: SUBSCRIBE t/+ qos2 id=2
    a < SUBACK #1 qos2
a: SUBSCRIBE t/x qos1
    a < SUBACK #1 qos1
b: CONNECT
    b < CONNACK Success
b: PUBLISH t/x hello qos2
    accepted from b
    a < PUBLISH t/x hello qos2 #1 id=1 id=2
    b < PUBREC #1

== The same filter again replaces the subscription [MQTT-3.8.4-3]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t qos0 id=1
    a < SUBACK #1 qos0 qos0
a: SUBSCRIBE t qos1 id=2
    a < SUBACK #1 qos1
b: CONNECT
    b < CONNACK Success
b: PUBLISH t x qos1
    accepted from b
    a < PUBLISH t x qos1 #1 id=2
    b < PUBACK #1
session a
    connected, 2 subscriptions, 0 queued, 1 in flight

== No Local: not what one published oneself [MQTT-3.8.3-3], unless another subscription wants it
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
a: SUBSCRIBE t no_local
    a < SUBACK #1 qos0
a: PUBLISH t mine
    accepted from a
b: PUBLISH t theirs
    accepted from b
    a < PUBLISH t theirs
a: SUBSCRIBE +
    a < SUBACK #1 qos0
a: PUBLISH t mine
    accepted from a
    a < PUBLISH t mine

== Retain As Published keeps the flag [MQTT-3.3.1-12] [MQTT-3.3.1-13]
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
a: SUBSCRIBE t
    a < SUBACK #1 qos0
b: SUBSCRIBE t as_published
    b < SUBACK #1 qos0
a: PUBLISH t x retain
    accepted from a
    a < PUBLISH t x
    b < PUBLISH t x retain
a: PUBLISH t x
    accepted from a
    a < PUBLISH t x
    b < PUBLISH t x

== One of several overlapping subscriptions wants the flag kept: it is
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t
    a < SUBACK #1 qos0
a: SUBSCRIBE + as_published
    a < SUBACK #1 qos0
a: PUBLISH t x retain
    accepted from a
    a < PUBLISH t x retain

== UNSUBSCRIBE: one reason per filter, byte for byte [MQTT-2.2.1-6] [MQTT-3.10.4-1] [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT-3.11.3-2]; nothing more is added [MQTT-3.10.4-2]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE a/b # $share/g/s
    a < SUBACK #1 qos0 qos0 qos0
a: UNSUBSCRIBE #3 a/b a/+ $share/g/s $share/g/s a/#/b
    a < UNSUBACK #3 Success NoSubscriptionExisted Success NoSubscriptionExisted TopicFilterInvalid
a: UNSUBSCRIBE #4 #
    a < UNSUBACK #4 Success
a: PUBLISH a/b x
    accepted from a
session a
    connected, 0 subscriptions, 0 queued, 0 in flight
b: CONNECT v3
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
b: UNSUBSCRIBE #5 t nothing
    b < UNSUBACK #5

== What was in the queue before UNSUBSCRIBE is delivered still [MQTT-3.10.4-3]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
hold a
a: PUBLISH t x qos1
    accepted from a
    a wake
    a < PUBACK #1
a: UNSUBSCRIBE t
    a < UNSUBACK #1 Success
read a
    a < PUBLISH t x qos1 #1

== Text is compared byte for byte; odd names are ordinary [MQTT-4.7.3-4] (MT03, MT15)
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE __proto__ 💧/+ id=1
    a < SUBACK #1 qos0 qos0
b: CONNECT
    b < CONNACK Success
b: PUBLISH __proto__ x
    accepted from b
    a < PUBLISH __proto__ x id=1
b: PUBLISH 💧/é x
    accepted from b
    a < PUBLISH 💧/é x id=1
b: PUBLISH 💧/é x
    accepted from b
    a < PUBLISH 💧/é x id=1
