// LiveKit's server API by its Go SDK, as a backend written in Go has it.
package rooms

import (
	"context"
	"testing"
	"time"

	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/stretchr/testify/require"
	"github.com/twitchtv/twirp"
)

const (
	url, key, secret = "http://localhost:7880", "devkey", "secret"
	patience         = 20 * time.Second
)

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func code(t *testing.T, err error) twirp.ErrorCode {
	var refused twirp.Error
	require.ErrorAs(t, err, &refused)
	return refused.Code()
}

// somebody joins a room and hears what is sent there.
func somebody(t *testing.T, room, identity string) (*lksdk.Room, chan string, chan lksdk.DisconnectionReason) {
	heard, gone := make(chan string, 8), make(chan lksdk.DisconnectionReason, 1)
	callback := &lksdk.RoomCallback{
		OnDisconnectedWithReason: func(why lksdk.DisconnectionReason) { gone <- why },
		ParticipantCallback: lksdk.ParticipantCallback{
			OnDataPacket: func(data lksdk.DataPacket, _ lksdk.DataReceiveParams) {
				if said, ok := data.(*lksdk.UserDataPacket); ok {
					heard <- said.Topic + ": " + string(said.Payload)
				}
			},
		},
	}
	info := lksdk.ConnectInfo{APIKey: key, APISecret: secret, RoomName: room, ParticipantIdentity: identity}
	joined, err := lksdk.ConnectToRoom("ws://localhost:7880", info, callback, lksdk.WithSinglePeerConnection())
	require.NoError(t, err)
	t.Cleanup(joined.Disconnect)
	return joined, heard, gone
}

func next[T any](t *testing.T, from chan T) T {
	select {
	case one := <-from:
		return one
	case <-time.After(patience):
		require.Fail(t, "it did not come")
		panic("unreachable")
	}
}

func TestRoomsAreMadeListedDescribedAndDeleted(t *testing.T) {
	ctx, rooms := within(t), lksdk.NewRoomServiceClient(url, key, secret)
	made, err := rooms.CreateRoom(ctx, &livekit.CreateRoomRequest{Name: "go", Metadata: "m", MaxParticipants: 3})
	require.NoError(t, err)
	require.Equal(t, uint32(3), made.MaxParticipants)
	_, err = rooms.UpdateRoomMetadata(ctx, &livekit.UpdateRoomMetadataRequest{Room: "go", Metadata: "n"})
	require.NoError(t, err)
	listed, err := rooms.ListRooms(ctx, &livekit.ListRoomsRequest{Names: []string{"go"}})
	require.NoError(t, err)
	require.Len(t, listed.Rooms, 1)
	require.Equal(t, []string{made.Sid, "n"}, []string{listed.Rooms[0].Sid, listed.Rooms[0].Metadata})
	_, err = rooms.DeleteRoom(ctx, &livekit.DeleteRoomRequest{Room: "go"})
	require.NoError(t, err)
	_, err = rooms.DeleteRoom(ctx, &livekit.DeleteRoomRequest{Room: "go"})
	require.Equal(t, twirp.NotFound, code(t, err))
}

func TestPeopleAreChangedSpokenToAndRemoved(t *testing.T) {
	ctx, rooms := within(t), lksdk.NewRoomServiceClient(url, key, secret)
	_, heard, gone := somebody(t, "people", "ada")
	who := &livekit.RoomParticipantIdentity{Room: "people", Identity: "ada"}
	change := &livekit.UpdateParticipantRequest{Room: "people", Identity: "ada", Name: "Ada", Metadata: "chair"}
	changed, err := rooms.UpdateParticipant(ctx, change)
	require.NoError(t, err)
	require.Equal(t, []string{"Ada", "chair"}, []string{changed.Name, changed.Metadata})
	topic := "bell"
	said := &livekit.SendDataRequest{Room: "people", Data: []byte("ring"), Kind: livekit.DataPacket_RELIABLE, Topic: &topic}
	_, err = rooms.SendData(ctx, said)
	require.NoError(t, err)
	require.Equal(t, "bell: ring", next(t, heard))
	_, err = rooms.RemoveParticipant(ctx, who)
	require.NoError(t, err)
	require.Equal(t, lksdk.ParticipantRemoved, next(t, gone))
	_, err = rooms.GetParticipant(ctx, who)
	require.Equal(t, twirp.NotFound, code(t, err))
}

func TestATokenOpensOnlyWhatItGrants(t *testing.T) {
	ctx := within(t)
	token, err := auth.NewAccessToken(key, secret).SetVideoGrant(&auth.VideoGrant{RoomList: true}).ToJWT()
	require.NoError(t, err)
	server, err := lksdk.NewLiveKitAPI(lksdk.WithURL(url), lksdk.WithToken(token))
	require.NoError(t, err)
	_, err = server.Room().ListRooms(ctx, &livekit.ListRoomsRequest{})
	require.NoError(t, err)
	_, err = server.Room().CreateRoom(ctx, &livekit.CreateRoomRequest{Name: "not granted"})
	require.Contains(t, []twirp.ErrorCode{twirp.PermissionDenied, twirp.Unauthenticated}, code(t, err))
	stranger := lksdk.NewRoomServiceClient(url, key, "another secret")
	_, err = stranger.ListRooms(ctx, &livekit.ListRoomsRequest{})
	require.Equal(t, twirp.Unauthenticated, code(t, err))
}

func TestWhatThereIsNotSaysSo(t *testing.T) {
	ctx := within(t)
	listed, err := lksdk.NewSIPClient(url, key, secret).ListSIPDispatchRule(ctx, &livekit.ListSIPDispatchRuleRequest{})
	require.NoError(t, err)
	require.Empty(t, listed.Items)
	films, err := lksdk.NewEgressClient(url, key, secret).ListEgress(ctx, &livekit.ListEgressRequest{})
	require.NoError(t, err)
	require.Empty(t, films.Items)
	web := &livekit.WebEgressRequest{Url: "https://example.org"}
	_, err = lksdk.NewEgressClient(url, key, secret).StartWebEgress(ctx, web)
	require.Equal(t, twirp.Unimplemented, code(t, err))
}
