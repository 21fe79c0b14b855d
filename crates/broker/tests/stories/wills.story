# Will messages, chapters 3.1.2.5, 3.1.3.2 and 3.14.4.

== Published when the socket is lost, before the connection is reported over [MQTT-3.1.2-7] [MQTT-3.1.2-8]
a: CONNECT will(t,bye,qos1)
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t qos1
    b < SUBACK #1 qos1
a: LOST
    accepted will of a: t
    event: will of a published to t
    b < PUBLISH t bye qos1 #1
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended

== Not after a normal DISCONNECT [MQTT-3.1.2-10] [MQTT-3.14.4-3]
a: CONNECT will(t,bye)
    a < CONNACK Success
a: DISCONNECT
    a close
    a ended, client a
    event: disconnected, Disconnect(Success)
    event: session of a ended
b: CONNECT v3 will(t,bye)
    b < CONNACK Success
b: DISCONNECT
    b close
    b ended, client b
    event: disconnected, Disconnect(Success)
    event: session of b ended

== but after DISCONNECT with will message, 0x04, or with an error
a: CONNECT will(t,bye)
    a < CONNACK Success
a: DISCONNECT 0x04
    a close
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, Disconnect(DisconnectWithWillMessage)
    event: session of a ended
b: CONNECT will(t,bye)
    b < CONNACK Success
b: DISCONNECT 0x81
    b close
    accepted will of b: t
    event: will of b published to t
    b ended, client b
    event: disconnected, Disconnect(MalformedPacket)
    event: session of b ended

== Published on protocol errors, found by the codec or by us
a: CONNECT will(t,bye)
    a < CONNACK Success
a: LOST 0x81
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, Lost(ProtocolError(MalformedPacket))
    event: session of a ended
b: CONNECT will(t,bye)
    b < CONNACK Success
b: AUTH
    b close ProtocolError (AUTH without an authentication method [MQTT-4.12.0-7])
    accepted will of b: t
    event: will of b published to t
    b ended, client b
    event: disconnected, Closed(ProtocolError)
    event: session of b ended

== Published when the keep-alive passes
a: CONNECT v3 keep=10s will(t,bye)
    a < CONNACK Success
wait 15s
    a close KeepAliveTimeout (nothing was heard for one and a half times the keep-alive [MQTT-3.1.2-22])
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, KeepAlive
    event: session of a ended

== On takeover the old will, once, before the new connection is answered; never the new one's [MQTT-3.1.4-3]
s: CONNECT
    s < CONNACK Success
s: SUBSCRIBE spBv1.0/#
    s < SUBACK #1 qos0
a: CONNECT will(spBv1.0/G/NDEATH/E,bdSeq=1)
    a < CONNACK Success
a2: CONNECT id=a will(spBv1.0/G/NDEATH/E,bdSeq=2)
    a close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    accepted will of a: spBv1.0/G/NDEATH/E
    event: will of a published to spBv1.0/G/NDEATH/E
    s < PUBLISH spBv1.0/G/NDEATH/E bdSeq=1
    a ended, client a
    event: disconnected, TakenOver { resumed: false }
    event: session of a ended
    a2 < CONNACK Success
a2: LOST
    accepted will of a2: spBv1.0/G/NDEATH/E
    event: will of a published to spBv1.0/G/NDEATH/E
    s < PUBLISH spBv1.0/G/NDEATH/E bdSeq=2
    a2 ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended

== On takeover of a session that goes on: without delay published, with delay not [MQTT-3.1.3-9]
a: CONNECT expiry=never will(t,now)
    a < CONNACK Success
a2: CONNECT id=a resume expiry=never will(t,later,delay=10s)
    a close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, TakenOver { resumed: true }
    a2 < CONNACK Success session_present
a3: CONNECT id=a resume expiry=never
    a2 close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    a2 ended, client a
    event: disconnected, TakenOver { resumed: true }
    a3 < CONNACK Success session_present
wait 20s

== On takeover with a clean start a delayed will is published: its session ends
a: CONNECT expiry=never will(t,bye,delay=10s)
    a < CONNACK Success
a2: CONNECT id=a
    a close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, TakenOver { resumed: false }
    event: session of a ended
    a2 < CONNACK Success
wait 20s

== The delay: published when it passed, and not if the client is back before [MQTT-3.1.3-9]
a: CONNECT expiry=never will(t,bye,delay=10s)
    a < CONNACK Success
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
wait 9s
a: CONNECT resume expiry=never will(t,bye,delay=10s)
    a < CONNACK Success session_present
wait 20s
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
wait 9s
wait 1s
    accepted will of a: t
    event: will of a published to t
wait 100s

== The session ends before the delay does: published then
a: CONNECT expiry=5s will(t,bye,delay=10s)
    a < CONNACK Success
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
wait 4s
wait 1s
    accepted will of a: t
    event: will of a published to t
    event: session of a expired
b: CONNECT will(t,bye,delay=10s)
    b < CONNACK Success
b: LOST
    accepted will of b: t
    event: will of b published to t
    b ended, client b
    event: disconnected, Lost(Closed)
    event: session of b ended

== A clean start ends the session of an absent client: its delayed will is published
a: CONNECT expiry=never will(t,bye,delay=10s)
    a < CONNACK Success
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT
    accepted will of old#1: t
    event: will of a published to t
    event: session of a ended
    a < CONNACK Success
wait 20s

== Retained, with its own expiry, which begins when it is published [MQTT-3.1.2-15]
a: CONNECT will(t,bye,retain,qos1,expiry=10s)
    a < CONNACK Success
wait 60s
a: LOST
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
wait 3s
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
    b < PUBLISH t bye retain expiry=7s

== An empty retained will takes the retained message away
a: CONNECT will(t,-,retain)
    a < CONNACK Success
a: PUBLISH t x retain
    accepted from a
a: LOST
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0

== A will for a $ topic: the CONNECT is refused with 0x87
a: CONNECT will($SYS/x,bye)
    a < CONNACK NotAuthorized (clients may not leave a will for a topic that begins with $)
    event: "a" refused, NotAuthorized (clients may not leave a will for a topic that begins with $)
    a close

== A client does not get its own will, unless its session is kept
a: CONNECT will(t,bye,qos1)
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: LOST
    accepted will of a: t
    event: will of a published to t
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
b: CONNECT expiry=never will(t,bye,qos1)
    b < CONNACK Success
b: SUBSCRIBE t qos1
    b < SUBACK #1 qos1
b: LOST
    accepted will of b: t
    event: will of b published to t
    b ended, client b
    event: disconnected, Lost(Closed)
b: CONNECT resume expiry=never
    b < CONNACK Success session_present
    b < PUBLISH t bye qos1 #1

== With all its properties, User Properties in their order [MQTT-3.1.3-10]; without its retain flag it is not kept [MQTT-3.1.2-14]
a: CONNECT will(t,bye,utf8,user=b:1,user=a:2,user=b:3)
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
a: LOST
    accepted will of a: t
    event: will of a published to t
    b < PUBLISH t bye utf8 b:1 a:2 b:3
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
b: SUBSCRIBE t
    b < SUBACK #1 qos0
