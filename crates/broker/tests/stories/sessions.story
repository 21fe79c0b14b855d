# Sessions: kept, resumed, taken over, expired. Chapters 3.1.2.4, 3.1.2.11.2, 3.1.4, 4.1.

== A kept session remembers subscriptions and QoS>0, not QoS 0 [MQTT-3.1.2-5] [MQTT-3.2.2-3]
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
b: CONNECT
    b < CONNACK Success
b: PUBLISH t one qos1
    accepted from b
    b < PUBACK #1
b: PUBLISH t zero
    accepted from b
b: PUBLISH t two qos1 #2
    accepted from b
    b < PUBACK #2
session a
    absent, 1 subscriptions, 2 queued, 0 in flight
a: CONNECT resume expiry=never
    a < CONNACK Success session_present
    a < PUBLISH t one qos1 #1
    a < PUBLISH t two qos1 #2

== A clean start forgets it [MQTT-3.1.2-4] [MQTT-3.1.4-4] [MQTT-3.2.2-2]
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
b: CONNECT
    b < CONNACK Success
b: PUBLISH t one qos1
    accepted from b
    b < PUBACK #1
a: CONNECT expiry=never
    event: session of a ended
    a < CONNACK Success
b: PUBLISH t two qos1
    accepted from b
    b < PUBACK #1 NoMatchingSubscribers

== 3.1.1: Clean Session 0 is kept for ever, also for a 5.0 client of the same name
a: CONNECT v3 resume
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
wait 100000000s
b: CONNECT
    b < CONNACK Success
b: PUBLISH t one qos1
    accepted from b
    b < PUBACK #1
a: CONNECT resume
    a < CONNACK Success session_present
    a < PUBLISH t one qos1 #1

== 3.1.1: Clean Session 1 ends with its connection
a: CONNECT v3
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
a: CONNECT v3 resume
    a < CONNACK Success

== Session Expiry counts from the end of the connection, and not while there is one [MQTT-3.1.2-23] [MQTT-4.1.0-1] [MQTT-4.1.0-2]
a: CONNECT expiry=10s
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
wait 100s
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
wait 9s
session a
    absent, 1 subscriptions, 0 queued, 0 in flight
a: CONNECT resume expiry=10s
    a < CONNACK Success session_present
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
wait 10s
    event: session of a expired
session a
    no session
a: CONNECT resume expiry=10s
    a < CONNACK Success

== DISCONNECT may change the expiry (3.14.2.2.2)
a: CONNECT expiry=10s
    a < CONNACK Success
a: DISCONNECT expiry=0s
    a close
    a ended, client a
    event: disconnected, Disconnect(Success)
    event: session of a ended
session a
    no session
a: CONNECT expiry=10s
    a < CONNACK Success
a: DISCONNECT expiry=100s
    a close
    a ended, client a
    event: disconnected, Disconnect(Success)
wait 50s
session a
    absent, 0 subscriptions, 0 queued, 0 in flight
wait 50s
    event: session of a expired
session a
    no session

== nor above our maximum
limits session_expiry_max=60s
a: CONNECT expiry=10s
    a < CONNACK Success
a: DISCONNECT expiry=never
    a close
    a ended, client a
    event: disconnected, Disconnect(Success)
wait 60s
    event: session of a expired

== nor raise it from zero (3.14.2.2.2)
a: CONNECT
    a < CONNACK Success
a: DISCONNECT expiry=10s
    a close ProtocolError (session expiry raised from zero (3.14.2.2.2))
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended

== The same client id again: the old connection is closed with 0x8E, the session goes on [MQTT-3.1.4-3]
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a2: CONNECT id=a resume expiry=never
    a close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    a ended, client a
    event: disconnected, TakenOver { resumed: true }
    a2 < CONNACK Success session_present
a: PUBLISH t x
a2: PUBLISH t y
    accepted from a2
    a2 < PUBLISH t y

== Taken over with a clean start: the session does not go on
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a2: CONNECT id=a
    a close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    a ended, client a
    event: disconnected, TakenOver { resumed: false }
    event: session of a ended
    a2 < CONNACK Success
a2: PUBLISH t y
    accepted from a2

== Taken over, but the session was to end with the connection: a new one begins
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a2: CONNECT id=a resume expiry=never
    a close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    a ended, client a
    event: disconnected, TakenOver { resumed: false }
    event: session of a ended
    a2 < CONNACK Success
a2: PUBLISH t y
    accepted from a2

== A 3.1.1 client is taken over too
a: CONNECT v3
    a < CONNACK Success
a2: CONNECT v3 id=a
    a close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    a ended, client a
    event: disconnected, TakenOver { resumed: false }
    event: session of a ended
    a2 < CONNACK Success

== An absent client that expired is not resumed, even if nobody ticked: a new session begins [MQTT-3.1.2-6]
a: CONNECT expiry=10s
    a < CONNACK Success
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
sleep 10s
a: CONNECT resume expiry=10s
    event: session of a expired
    a < CONNACK Success

== Undelivered deliveries survive the connection, QoS 0 does not
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
hold a
b: CONNECT
    b < CONNACK Success
b: PUBLISH t zero
    accepted from b
    a wake
b: PUBLISH t one qos1
    accepted from b
    b < PUBACK #1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
session a
    absent, 1 subscriptions, 1 queued, 0 in flight
stats dropped_absent
    dropped_absent: 1
read a
a: CONNECT resume expiry=never
    a < CONNACK Success session_present
    a < PUBLISH t one qos1 #1

== A client id has its own session, whatever else is alike [MQTT-3.1.3-2]
a: CONNECT expiry=never
    a < CONNACK Success
b: CONNECT id=A expiry=never
    b < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
b: LOST
    b ended, client A
    event: disconnected, Lost(Closed)
local: PUBLISH t x qos1
    accepted
b: CONNECT id=A resume
    b < CONNACK Success session_present
a: CONNECT resume
    a < CONNACK Success session_present
    a < PUBLISH t x qos1 #1

== An operator ends a kept session: its will is published, and nothing of it is left
a: CONNECT expiry=never will(t,gone,delay=3600s)
    a < CONNACK Success
a: SUBSCRIBE x qos1
    a < SUBACK #1 qos1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
end a
    accepted will of a: t
    event: will of a published to t
    event: session of a ended
session a
    no session
end a

== An operator ends the session of a client that is connected, and its connection with it
a: CONNECT expiry=never will(t,gone,delay=3600s)
    a < CONNACK Success
end a
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, Lost(GivenUp(AdministrativeAction))
    event: session of a ended
session a
    no session
a: PUBLISH x y qos1
